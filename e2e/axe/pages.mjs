// The whole walk, of the staff on a computer and of learners on a phone and the other way round, in both themes each:
// `npm run axe`. The tests take it once, in one theme each.
import { describe } from 'node:test';

import { axeWalk } from './walk.mjs';

const BOTH = { staff: /** @type {const} */ (['light', 'dark']), learner: /** @type {const} */ (['light', 'dark']) };

describe('the staff on a computer, learners on a phone', () => axeWalk({ staff: 'desktop', learner: 'phone', themes: BOTH }));
describe('the staff on a phone, learners on a computer', () => axeWalk({ staff: 'phone', learner: 'desktop', themes: BOTH }));

// Every page and dialog by the rules of axe, the staff on a computer in the dark theme and a learner on a phone in the light
// one. `npm run axe` takes the other sizes and themes, too.
import { axeWalk } from '../axe/walk.mjs';

axeWalk({ staff: 'desktop', learner: 'phone', themes: { staff: ['dark'], learner: ['light'] } });

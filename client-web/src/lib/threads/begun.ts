// The answers that were begun in threads on this device.

import { BegunAnswers } from '../../core/begun';

export const begun = new BegunAnswers();

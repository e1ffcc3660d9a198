// Who signed in with a one-time password: until they have chosen another, the server lets them do nothing else.

import type { Person } from '../../core/wire/Person';

class Choosing {
  me = $state.raw<Person>();
  /** With what they signed in, unless the page was opened anew since. */
  login: string | undefined;
}

export const choosing = new Choosing();

// Which conversation a request is begun for, from the page of reports.

import { panels } from '$lib/find/panels.svelte';
import type { NamedRoom } from '../../core/wire/NamedRoom';

class Asking {
  room = $state.raw<NamedRoom>();

  about(room: NamedRoom): void {
    this.room = room;
    panels.show('inspections');
  }
}

export const asking = new Asking();

/** What the page still works on. It is settled when nothing is open: what is shown then is the answer of its address. */

import { computed, signal } from "@preact/signals";

const open = signal(0);

export const settled = computed(() => open.value === 0);

/** Note that something is open, until the function that is returned is called. */
export function begin(): () => void {
  let over = false;
  open.value += 1;
  return () => {
    if (over) return;
    over = true;
    open.value -= 1;
  };
}

// A few words above the field, for a while: what was done, or why it could not be.
import { byId } from '../shared/dom.js';

const FOR = 8_000;
let timer;

export function notice(words) {
  const line = byId('notice');
  clearTimeout(timer);
  line.textContent = words;
  line.hidden = false;
  timer = setTimeout(() => {
    line.hidden = true;
  }, FOR);
}

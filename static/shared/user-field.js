// A field for the name of a user, completed from those whom one may find.
import { make } from './dom.js';
import { ask } from './session.js';

/** After how long without a key the server is asked, in milliseconds. */
const IDLE = 150;
const OFFERED = 20;

let count = 0;

/**
 * Has a field offer the names that begin with what is in it.
 * @param {HTMLInputElement} field
 */
export function offerUsers(field) {
  count += 1;
  const list = make('datalist', { id: `users-${count}` });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {string | undefined} */
  let asked;
  const offer = async () => {
    const prefix = field.value.trim();
    if (prefix === asked) return;
    asked = prefix;
    try {
      const { users } = await ask(`users?${new URLSearchParams({ prefix, limit: String(OFFERED) })}`);
      if (asked === prefix) list.replaceChildren(...users.map((/** @type {{ username: string }} */ { username }) => make('option', { value: username })));
    } catch {
      // A name can be typed all the same.
    }
  };
  field.setAttribute('list', list.id);
  field.after(list);
  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(offer, IDLE);
  });
  field.addEventListener('focus', offer, { once: true });
}

/** The attributes of a field that holds the name of somebody else. */
export const NAME_OF_OTHER = { maxlength: 100, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' };

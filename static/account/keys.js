// API keys, one's own and for admins those of bots: which there are, a new one, which is shown once, and their end.
/** @import { Me } from '../shared/me.js' */
import { params } from '../client/cursor.js';
import { make } from '../shared/dom.js';
import { askFirst, askFor, showSecret } from '../shared/dialog.js';
import { acts, button, entry, Fault, input, select } from '../shared/form.js';
import { Listing } from '../shared/listing.js';
import { ask } from '../shared/session.js';
import { DAY, moment } from '../shared/times.js';
import { NAME_OF_OTHER } from '../shared/user-field.js';

/** @typedef {{ id: number | string, name: string | null, rooms: string[] | null, can: string[] | null, created_at: string, expires_at: string | null, last_used_at: string | null }} Key */

/** @type {[string, string][]} */
const LIVES = [[String(30 * DAY), '30 days'], [String(90 * DAY), '90 days'], [String(365 * DAY), 'A year'], ['', 'No end']];
/** @type {Record<string, string>} */
const RIGHTS = { read: 'Read', post: 'Post and react', moderate: 'Moderate', admin: 'Administer' };

/** After how long without a key the keys of another bot are listed, in milliseconds. */
const IDLE = 300;

/** The list of keys and the button for another. @param {Me} me */
export function keys(me) {
  const bot = input({ ...NAME_OF_OTHER });
  /** @type {Listing<Key, number>} */
  const listing = new Listing({
    label: 'API keys',
    none: 'There are no keys.',
    load: async (after) => {
      const whose = bot.value.trim();
      const page = await ask(`keys?${params({ bot: whose || undefined, after })}`);
      return { entries: page.keys, next: page.next };
    },
    item: (key) => item(key, listing),
  });
  listing.reload();
  const making = acts(button('New key…', () => makeKey(me, (/** @type {string} */ whose) => {
    bot.value = whose;
    listing.reload();
  })));
  if (!me.admin) return [listing.element, making];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  bot.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => listing.reload(), IDLE);
  });
  return [entry('Keys of the bot', bot, 'Empty: your own.'), listing.element, making];
}

/**
 * @param {Key} key
 * @param {Listing<Key, number>} listing
 */
function item({ id, name, rooms, can, created_at: since, expires_at: until, last_used_at: used }, listing) {
  const called = name || `Key ${id}`;
  const about = [
    rooms ? `only ${rooms.join(', ') || 'no room'}` : 'all rooms', can ? can.join(', ') || 'no right' : 'all you may',
    used ? `last used ${moment(used)}` : 'never used', `since ${moment(since)}`, until ? `until ${moment(until)}` : 'without an end',
  ];
  const remove = () => askFirst({ title: 'Delete this key?', text: `What uses “${called}” is refused from then on.`, yes: 'Delete', no: 'Keep it' }, async () => {
    await ask(`keys/${id}`, { method: 'DELETE' });
    await listing.reload();
  });
  return make('li', { 'data-key': id },
    make('div', { class: 'what' }, make('p', { class: 'title' }, make('bdi', {}, called)), make('p', { class: 'hint' }, about.join(' · '))),
    acts(button('Delete…', remove, { 'aria-label': `Delete the key ${called}…`, 'data-act': 'delete' })));
}

/**
 * The body of the request for a key.
 * @param {Record<string, string>} values
 * @param {string[]} can the chosen rights
 * @param {string[]} all those there are to choose from
 */
export function keyRequest({ name, rooms, expires_in: life, bot }, can, all) {
  const names = (rooms ?? '').split(/[\s,]+/).filter(Boolean);
  return {
    name,
    ...(names.length && { rooms: names }),
    ...(can.length < all.length && { can }),
    ...(life && { expires_in: Number(life) }),
    ...(bot && { bot }),
  };
}

/**
 * @param {Me} me
 * @param {(bot: string) => void} onMade
 */
function makeKey({ rights, admin }, onMade) {
  const boxes = rights.map((right) => make('input', { type: 'checkbox', name: `can-${right}`, checked: true, 'data-right': right }));
  const choices = make('fieldset', { class: 'entry' }, make('legend', {}, 'It may'),
    ...boxes.map((box, index) => make('label', { class: 'check' }, box, ` ${RIGHTS[rights[index]] ?? rights[index]}`)), make('p', { class: 'error' }));
  const fields = [
    entry('Name', input({ name: 'name', maxlength: 100 }), 'For you, to know later what it is for.'),
    choices,
    entry('Rooms', input({ name: 'rooms', autocapitalize: 'none', spellcheck: 'false' }), 'Names with commas between; a “*” at the end stands for anything. Empty: all rooms.'),
    entry('Good for', select('expires_in', LIVES, String(90 * DAY))),
    ...(admin ? [entry('Bot', input({ name: 'bot', ...NAME_OF_OTHER }), 'The name of a bot that the key is for. It is made if there is none. Empty: the key is yours.')] : []),
  ];
  askFor({ title: 'New API key', yes: 'Make it', fields }, async (values) => {
    if (!values.name) throw new Fault('name', 'Give it a name.');
    const can = boxes.filter(({ checked }) => checked).map(({ dataset }) => dataset.right ?? '');
    if (!can.length) throw new Fault(`can-${rights[0]}`, 'It has to be able to do something.');
    const { key } = await ask('keys', { method: 'POST', body: keyRequest(values, can, rights) });
    onMade(values.bot ?? '');
    return () => showSecret({ title: 'The new key', text: 'It is shown this once. Keep it where only your program finds it.', label: 'API key', secret: key });
  });
}

// The page at /sign-in: signs in by a password, a code for a new one or a token, and registers.
/** @import { Me } from '../shared/me.js' */
import { JSON_BODY, request } from '../client/request.js';
import { byId, closest } from '../shared/dom.js';
import { Fault, focusFirst, onSend } from '../shared/form.js';
import { whoAmI } from '../shared/me.js';
import { wrongWithName } from '../shared/names.js';
import { wayBack } from '../shared/parting.js';
import { inPlainWords, UNREACHABLE } from '../shared/refusals.js';
import { enter } from '../shared/session.js';
import { showWords } from '../shared/signed-in.js';
import { carried } from './link.js';

const CARDS = ['sign-in', 'register', 'reset', 'token', 'here'];
const WRONG_CODE = 'The code is not right for this name, was used already, or its time is over.';

/** Shows one of the cards. @param {string} shown */
function show(shown) {
  for (const card of CARDS) byId(card).hidden = card !== shown;
  // What a link has filled in already needs no hand.
  const fields = /** @type {HTMLInputElement[]} */ ([...byId(shown).querySelectorAll('input')]);
  const empty = fields.find((field) => !field.value && field.getClientRects().length);
  if (empty) empty.focus();
  else focusFirst(byId(shown));
}

/** @param {Me} me */
function goOn(me) {
  enter(me);
  location.replace(wayBack(location.search, location.origin));
}

/**
 * @param {string} path
 * @param {object} body
 */
const post = (path, body) => request(`/api/v1/${path}`, { method: 'POST', headers: JSON_BODY, body: JSON.stringify(body) });

/**
 * Has a form sign in. All of its fields are to be filled in.
 * @param {string} name
 * @param {string} path
 * @param {Record<string, string>} [words]
 */
function signsIn(name, path, words) {
  const form = byId(`${name}-form`, HTMLFormElement);
  onSend(form, async (values) => {
    const isShown = (/** @type {string} */ field) => !closest(/** @type {Element} */ (form.elements.namedItem(field)), '.entry')?.hidden;
    const asked = Object.entries(values).filter(([field]) => isShown(field));
    for (const [field, value] of asked) {
      if (!value) throw new Fault(field, 'Fill this in.');
    }
    const wrong = name === 'register' && wrongWithName(values.username);
    if (wrong) throw new Fault('username', wrong);
    goOn(await post(path, Object.fromEntries(asked)));
  }, words);
}

/**
 * Shows what a link is for, and takes its secret out of the address, which the browser keeps.
 * @param {Me} me
 */
function arrive({ accounts, username }) {
  const secret = carried(location.hash);
  if (secret) history.replaceState(null, '', location.pathname + location.search);
  byId('invitation-entry').hidden = accounts !== 'invite' && !secret?.invitation;
  if (secret?.invitation) byId('invitation', HTMLInputElement).value = secret.invitation;
  if (secret?.reset) byId('reset-code', HTMLInputElement).value = secret.reset;
  for (const id of ['new-username', 'reset-username']) byId(id, HTMLInputElement).value = secret?.username ?? '';
  const card = accounts === 'off' ? 'token' : secret?.reset ? 'reset' : secret?.invitation ? 'register' : 'sign-in';
  if (!username) {
    show(card);
    return;
  }
  byId('here-name').textContent = username;
  byId('here-leave').onclick = async () => {
    try {
      await request('/api/v1/session', { method: 'DELETE' });
      show(card);
    } catch (error) {
      byId('here-error').textContent = inPlainWords(error);
    }
  };
  show('here');
}

async function start() {
  const me = await whoAmI(() => showWords(UNREACHABLE));
  const words = enter(me);
  if (me.username && !carried(location.hash)) {
    goOn(me);
    return;
  }
  showWords(words);
  byId('guest').hidden = !me.guests;
  const [toRegister] = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-show="register"]'));
  toRegister.hidden = me.accounts === 'off';
  arrive(me);
  document.addEventListener('click', ({ target }) => {
    const card = closest(target, '[data-show]')?.dataset.show;
    if (card) show(card);
  });
  byId('here-stay').addEventListener('click', () => goOn(me));
  addEventListener('hashchange', () => carried(location.hash) && arrive(me));
}

signsIn('sign-in', 'session');
signsIn('register', 'accounts');
signsIn('reset', 'session', { bad_credentials: WRONG_CODE });
signsIn('token', 'session', { bad_credentials: 'This token is not good.', invalid_token: 'This token is not good.', token_expired: 'The time of this token is over.' });
start();

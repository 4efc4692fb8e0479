// The page of a room where credentials are required: what is offered by standing, and the dialogs of the room.
/** @import { Me } from '../shared/me.js' */
/** @import { Attention } from './attention.js' */
/** @import { Description } from './description.js' */
/** @import { Messages } from './messages.js' */
/** @import { Connection } from './room.js' */
/** @import { Standing } from './standing.js' */
import { byId, focused, make } from '../shared/dom.js';
import { askFirst, closing, openDialog } from '../shared/dialog.js';
import { audit } from '../shared/audit.js';
import { button } from '../shared/form.js';
import { leaveFor, signInAddress } from '../shared/parting.js';
import { inPlainWords } from '../shared/refusals.js';
import { ask } from '../shared/session.js';
import { followOut } from './arrival.js';
import { Happened } from './happened.js';
import { openBans, openMembers } from './members.js';
import { notice } from './notice.js';
import { find, openPerson } from './person.js';
import { openSettings } from './room-settings.js';

export { arrive } from './arrival.js';

/**
 * The room for its dialogs: `path` is its path in the API.
 * @typedef {{ client: Connection, path: string, me: Me, standing: Standing, description: Description, called: () => string }} Place
 */

/**
 * Has the page offer what may be done, and follow what becomes of it.
 * @param {{ client: Connection, me: Me, standing: Standing, description: Description, messages: Messages, attention: Attention }} parts
 */
export function follow({ client, me, standing, description, messages, attention }) {
  const place = { client, path: `rooms/${encodeURIComponent(client.room)}`, me, standing, description, called: () => description.room.title || `#${client.room}` };
  new Happened(client, description, messages);
  followOut(client, description, me);
  const [acts, mayNot] = [make('div', { class: 'room-acts stack' }), make('p', { class: 'may-not', hidden: true })];
  byId('people').append(acts);
  byId('form').after(mayNot);
  const show = () => {
    showActs(acts, place);
    showComposer(mayNot, standing);
    byId('content', HTMLTextAreaElement).placeholder = `Message ${place.called()}`;
    attention.place = standing.isDirect ? 'direct messages' : place.called();
  };
  description.addEventListener('change', show);
  show();
  const account = make('a', { class: 'link', href: standing.isGuest ? signInAddress() : '/account' }, standing.isGuest ? 'Sign in' : 'Your account');
  byId('rename').replaceWith(account);
  document.body.classList.toggle('guest', standing.isGuest);
  return {
    /** Opens what can be done about the author of a message. @param {string} username */
    moderate: async (username) => {
      try {
        openPerson(place, await find(place, username));
      } catch (error) {
        notice(inPlainWords(error));
      }
    },
  };
}

/**
 * The field one writes in, or the reason why there is none.
 * @param {HTMLElement} mayNot
 * @param {Standing} standing
 */
function showComposer(mayNot, standing) {
  const why = standing.whyNotPost;
  const [form, hadFocus] = [byId('form'), byId('form').contains(document.activeElement)];
  form.hidden = Boolean(why);
  mayNot.hidden = !why;
  if (mayNot.dataset.words !== why) mayNot.replaceChildren(standing.isGuest && why ? make('a', { class: 'link', href: signInAddress() }, why) : why);
  mayNot.dataset.words = why;
  byId('keys').classList.toggle('hidden', Boolean(why));
  if (why && hadFocus) byId('scroller').focus({ preventScroll: true });
  document.body.classList.toggle('no-post', Boolean(why));
  document.body.classList.toggle('no-react', !standing.may('react'));
}

/**
 * The buttons for the room, those of what may be done.
 * @param {HTMLElement} acts
 * @param {Place} place
 */
function showActs(acts, place) {
  const { standing } = place;
  const had = acts.contains(document.activeElement) ? document.activeElement?.getAttribute('data-act') : undefined;
  /** @type {[is: boolean, act: string, label: string, open: () => unknown][]} */
  const all = [
    [standing.may('join'), 'join', 'Join this room', () => join(place)],
    [standing.may('see') && !standing.isDirect, 'members', 'Members…', () => openMembers(place)],
    [standing.may('change'), 'settings', 'Room settings…', () => openSettings(place)],
    [standing.may('bans'), 'bans', 'Banned…', () => openBans(place)],
    [standing.may('audit'), 'audit', 'What was done…', () => openAudit(place)],
    [standing.may('leave'), 'leave', 'Leave…', () => leave(place)],
  ];
  const buttons = all.filter(([is]) => is).map(([, act, label, open]) => button(label, () => fromSheet(open), { 'data-act': act }));
  acts.replaceChildren(...buttons);
  acts.hidden = !buttons.length;
  if (had) (buttons.find(({ dataset }) => dataset.act === had) ?? buttons[0])?.focus();
}

/**
 * Closes the sheet that the buttons are in on a phone: the focus comes back to what opened it.
 * @param {() => unknown} open
 */
function fromSheet(open) {
  const people = byId('people');
  if (people.matches(':popover-open')) {
    people.hidePopover();
    byId('show-people').focus();
  }
  open();
}

/** @param {Place} place */
async function join({ path, called }) {
  try {
    await ask(`${path}/join`, { method: 'POST' });
    notice(`You are in ${called()} now.`);
  } catch (error) {
    notice(inPlainWords(error));
  }
}

/** @param {Place} place */
function leave({ path, me, called, description }) {
  const text = description.room.visibility === 'private' ? 'You don’t see it any more, unless somebody adds you again.' : 'It is not among your rooms any more. You may still read it and join again.';
  askFirst({ title: `Leave ${called()}?`, text, yes: 'Leave', no: 'Stay' }, async () => {
    await ask(`${path}/members/${encodeURIComponent(me.username ?? '')}`, { method: 'DELETE' });
    leaveFor('/', `You have left ${called()}.`);
  });
}

/** @param {Place} place */
function openAudit({ path }) {
  const listing = audit(`${path}/audit`);
  openDialog('What moderators did', [listing.element, make('div', { class: 'choice' }, closing('Close', { class: 'primary', autofocus: true }))],
    { isWide: true, onClose: () => focused() ?? byId('show-people').focus() });
  listing.reload();
}

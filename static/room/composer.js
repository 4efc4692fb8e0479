// The field one writes in: a new message, an answer, or an edit. What is written survives a reload, and others see that one types.
/** @import { Client } from '../client/client.js' */
/** @import { Known, Shown } from './known.js' */
import { isFinal } from '../client/request.js';
import { byId } from '../shared/dom.js';
import { inALine } from './message.js';
import { notice } from './notice.js';
import { inPlainWords, UNREACHABLE } from '../shared/refusals.js';
import { load, save } from '../shared/store.js';

/** After how long without a key one no longer types. */
const IDLE = 3_000;
/** The server forgets after 6 s that somebody types. */
const RENEW = 4_000;

/**
 * `onSend` gets a new message and what it answers, `onEmptied` the id of one that was edited to say nothing; `lastOwn`
 * tells which message the up key edits.
 * @typedef {object} Uses
 * @property {(text: string, answered: number | undefined) => void} onSend
 * @property {(id: number) => void} onEmptied
 * @property {() => Shown | undefined} lastOwn
 */

export class Composer {
  #client;
  #known;
  #uses;
  #field = byId('content', HTMLTextAreaElement);
  /** True for a touch screen, where Enter begins a new line, as everywhere there. */
  #isTouched = matchMedia('(pointer: coarse)');
  #error = byId('context-error');
  #key;
  #answerKey;
  /** The message that is answered, and the one that is edited. @type {number | undefined} */
  #answered;
  /** @type {number | undefined} */
  #edited;
  #isSaving = false;
  #typingSince = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #idle;

  /**
   * @param {Client} client
   * @param {Known} known
   * @param {Uses} uses
   */
  constructor(client, known, uses) {
    this.#client = client;
    this.#known = known;
    this.#uses = uses;
    this.#key = `parlor:draft:${client.room}`;
    this.#answerKey = `parlor:answer:${client.room}`;
    this.#field.placeholder = `Message #${client.room}`;
    this.#field.value = load('sessionStorage', this.#key) ?? '';
    this.#answered = load('sessionStorage', this.#answerKey);
    this.#show();
    client.addEventListener('reset', () => this.#reset());
    client.addEventListener('state', ({ detail }) => {
      // It can be reached again.
      if (detail.name === 'connected' && this.#error.textContent === UNREACHABLE) this.#error.textContent = '';
    });
    const hint = () => this.#field.setAttribute('enterkeyhint', this.#isTouched.matches ? 'enter' : 'send');
    this.#isTouched.addEventListener('change', hint);
    hint();
    known.addEventListener('change', ({ detail }) => {
      if (detail.id === this.#answered) this.#show();
      if (detail.id === this.#edited && detail.deleted_at) this.#deleted();
    });
    this.#field.addEventListener('input', () => this.#written());
    this.#field.addEventListener('blur', () => this.#stop());
    addEventListener('pagehide', () => this.#stop());
    this.#field.addEventListener('keydown', (event) => this.#pressed(event));
    byId('context-cancel').addEventListener('click', () => this.#cancel());
    byId('form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#field.focus();
      const isEmpty = !this.#field.value.trim();
      if (this.#edited && isEmpty) uses.onEmptied(this.#edited);
      else if (this.#edited) this.#save(this.#edited);
      else if (!isEmpty) this.#send();
    });
    // On a touch screen the focus would bring the keyboard up over the messages.
    if (!this.#isTouched.matches) this.#field.focus();
  }

  focus() {
    this.#field.focus();
  }

  /** Begins an answer; what is written already becomes part of it. @param {number | undefined} id */
  answer(id) {
    if (this.#edited) this.#cancel();
    this.#answers(id);
    this.#field.focus();
  }

  /**
   * Takes a message back for another try, before what is written already.
   * @param {string} text
   * @param {number | null} [answered]
   */
  retry(text, answered) {
    // The field of an edit is not the draft.
    if (this.#edited) this.#cancel();
    this.#field.value = [text, this.#field.value].filter(Boolean).join('\n');
    this.#keep();
    this.answer(answered ?? this.#answered);
  }

  /** Begins to edit a message; what is written waits. @param {Shown} message */
  edit({ id, content }) {
    this.#edited = id;
    this.#field.value = content;
    this.#stop();
    this.#show();
    this.#field.focus();
    this.#field.setSelectionRange(content.length, content.length);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    // While an input method composes, its keys choose words.
    if (event.isComposing) return;
    const lastOwn = this.#field.value || this.#edited ? undefined : this.#uses.lastOwn;
    if (event.key === 'Enter' && (event.ctrlKey || (!event.shiftKey && !this.#isTouched.matches))) {
      event.preventDefault();
      byId('form', HTMLFormElement).requestSubmit();
    } else if (event.key === 'Escape' && (this.#edited || this.#answered)) {
      event.preventDefault();
      this.#cancel();
    } else if (event.key === 'ArrowUp' && lastOwn) {
      const message = lastOwn();
      if (!message) return;
      event.preventDefault();
      this.edit(message);
    }
  }

  #send() {
    const [text, answered] = [this.#field.value, this.#answered];
    this.#field.value = '';
    this.#keep();
    // The message itself tells the others that the typing is over.
    this.#typingSince = 0;
    clearTimeout(this.#idle);
    this.#cancel();
    this.#uses.onSend(text, answered);
  }

  /** @param {number} id */
  async #save(id) {
    if (this.#isSaving) return;
    this.#isSaving = true;
    this.#error.textContent = '';
    try {
      await this.#client.edit(id, this.#field.value);
      if (this.#edited === id) this.#cancel();
    } catch (error) {
      if (this.#edited !== id) return;
      // An edit that can be mended stays; of one that can't, what was written is kept for a new message.
      if (isFinal(error) && [403, 404, 410].includes(error.status)) this.#giveUp(error.message);
      else this.#error.textContent = inPlainWords(error);
    } finally {
      this.#isSaving = false;
    }
  }

  /** The message that is edited is gone, and so is the edit unless it says something. */
  #deleted() {
    if (this.#field.value.trim()) this.#giveUp('The message was deleted.');
    else this.#cancel();
  }

  /** The message can no longer be edited. @param {string} why */
  #giveUp(why) {
    this.retry(this.#field.value);
    notice(`Your edit was not saved. ${why} What you wrote is kept in the field.`);
  }

  /** Ends an edit, which brings the draft back, or an answer. */
  #cancel() {
    if (this.#edited) {
      this.#edited = undefined;
      this.#field.value = load('sessionStorage', this.#key) ?? '';
    } else {
      this.#answers(undefined);
    }
    this.#show();
    this.#field.focus();
  }

  /** Forgets the ids, which mean nothing any more, and keeps what is written. */
  #reset() {
    if (this.#edited) this.retry(this.#field.value);
    this.#answers(undefined);
  }

  /** @param {number | undefined} id */
  #answers(id) {
    this.#answered = id;
    save('sessionStorage', this.#answerKey, id);
    this.#show();
  }

  #show() {
    const isEdit = Boolean(this.#edited);
    const target = this.#answered ? this.#known.quoted(this.#answered) : undefined;
    this.#error.textContent = '';
    byId('context').hidden = !isEdit && !this.#answered;
    // The page lets go of no message that is named here.
    byId('context').dataset.quoted = String(this.#answered ?? '');
    byId('context-kind').textContent = isEdit ? 'Edit your message' : 'Reply to ';
    byId('context-name').textContent = isEdit ? '' : target?.username ?? '';
    byId('context-words').textContent = isEdit || !target ? '' : inALine(target);
    byId('form').classList.toggle('editing', isEdit);
  }

  #keep() {
    if (!this.#edited) save('sessionStorage', this.#key, this.#field.value || undefined);
  }

  #written() {
    this.#keep();
    // An edit is nothing that anybody waits for.
    if (this.#edited) return;
    if (!this.#field.value.trim()) {
      this.#stop();
      return;
    }
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#stop(), IDLE);
    if (Date.now() - this.#typingSince < RENEW) return;
    this.#typingSince = Date.now();
    this.#client.typing(true);
  }

  #stop() {
    clearTimeout(this.#idle);
    if (!this.#typingSince) return;
    this.#typingSince = 0;
    this.#client.typing(false);
  }
}

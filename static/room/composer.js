// The field one writes in: a new message, an answer, or an edit. What is written survives a reload, and others see that one types.
import { byId } from '../shared/dom.js';
import { inALine } from './message.js';
import { load, save } from '../shared/store.js';

/** After how long without a key one no longer types. */
const IDLE = 3_000;
/** The server forgets after 6 s that somebody types. */
const RENEW = 4_000;

export class Composer {
  #client;
  #known;
  #onSend;
  #field = byId('content');
  #error = byId('context-error');
  #key;
  #answerKey;
  /** The message that is answered, and the one that is edited. */
  #answered;
  #edited;
  #isSaving = false;
  #typingSince = 0;
  #idle;

  /** `onSend` gets a new message and what it answers; `lastOwn` tells which message the up key edits. */
  constructor(client, known, { onSend, lastOwn }) {
    this.#client = client;
    this.#known = known;
    this.#onSend = onSend;
    this.#key = `parlor:draft:${client.room}`;
    this.#answerKey = `parlor:answer:${client.room}`;
    this.#field.placeholder = `Message #${client.room}`;
    this.#field.value = load('sessionStorage', this.#key) ?? '';
    this.#answered = load('sessionStorage', this.#answerKey);
    this.#show();
    client.addEventListener('reset', () => this.#reset());
    known.addEventListener('change', ({ detail }) => detail.id === this.#answered && this.#show());
    this.#field.addEventListener('input', () => this.#written());
    this.#field.addEventListener('blur', () => this.#stop());
    addEventListener('pagehide', () => this.#stop());
    this.#field.addEventListener('keydown', (event) => this.#pressed(event, lastOwn));
    byId('context-cancel').addEventListener('click', () => this.#cancel());
    byId('form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#field.focus();
      if (!this.#field.value.trim()) return;
      if (this.#edited) this.#save();
      else this.#send();
    });
    // On a touch screen the focus would bring the keyboard up over the messages.
    if (matchMedia('(pointer: fine)').matches) this.#field.focus();
  }

  focus() {
    this.#field.focus();
  }

  /** Begins an answer; what is written already becomes part of it. */
  answer(id) {
    if (this.#edited) this.#cancel();
    this.#answers(id);
    this.#field.focus();
  }

  /** Takes a message back for another try, before what is written already. */
  retry(text, answered) {
    if (this.#edited) this.#cancel();
    this.#field.value = [text, this.#field.value].filter(Boolean).join('\n');
    this.#keep();
    this.answer(answered ?? this.#answered);
  }

  /** Begins to edit a message; what is written waits. */
  edit({ id, content }) {
    this.#edited = id;
    this.#field.value = content;
    this.#stop();
    this.#show();
    this.#field.focus();
    this.#field.setSelectionRange(content.length, content.length);
  }

  #pressed(event, lastOwn) {
    // While an input method composes, its keys choose words.
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      byId('form').requestSubmit();
    } else if (event.key === 'Escape' && (this.#edited || this.#answered)) {
      event.preventDefault();
      this.#cancel();
    } else if (event.key === 'ArrowUp' && !this.#field.value && !this.#edited && lastOwn()) {
      event.preventDefault();
      this.edit(lastOwn());
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
    this.#onSend(text, answered);
  }

  async #save() {
    if (this.#isSaving) return;
    const id = this.#edited;
    this.#isSaving = true;
    this.#error.textContent = '';
    try {
      await this.#client.edit(id, this.#field.value);
      if (this.#edited === id) this.#cancel();
    } catch (error) {
      const words = error.status ? error.message : 'The server can’t be reached. Try again in a moment.';
      if (this.#edited === id) this.#error.textContent = words;
    } finally {
      this.#isSaving = false;
    }
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

  /** What had these ids is gone; what is written is not. */
  #reset() {
    if (this.#edited) this.retry(this.#field.value);
    this.#answers(undefined);
  }

  #answers(id) {
    this.#answered = id;
    save('sessionStorage', this.#answerKey, id);
    this.#show();
  }

  #show() {
    const [isEdit, target] = [Boolean(this.#edited), this.#answered && this.#known.quoted(this.#answered)];
    this.#error.textContent = '';
    byId('context').hidden = !isEdit && !this.#answered;
    // The page lets go of no message that is named here.
    byId('context').dataset.quoted = this.#answered ?? '';
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
    if (!this.#field.value.trim()) return this.#stop();
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

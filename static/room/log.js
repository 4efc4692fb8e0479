// The items of the log, one for each message of the window.
/** @import { Shown } from './known.js' */
/** @import { Look } from './window.js' */
import { byId, children, within } from '../shared/dom.js';
import { messageItem, showLook, showMessage, showQuote } from './message.js';

export class Log {
  #list = byId('messages');
  #scroller = byId('scroller');
  #me;
  #quoted;
  /** @type {Map<number, HTMLLIElement>} */
  #items = new Map();
  /** Those whose height is not known yet. @type {Set<HTMLElement>} */
  #unsettled = new Set();
  #isDue = false;

  /**
   * @param {string} me folded
   * @param {(id: number) => Shown | undefined} quoted finds what is quoted
   */
  constructor(me, quoted) {
    this.#me = me;
    this.#quoted = quoted;
  }

  get items() {
    return children(this.#list);
  }

  /** @param {number | undefined} id */
  item(id) {
    return id === undefined ? undefined : this.#items.get(id);
  }

  /** @param {Shown[]} messages */
  #make(messages) {
    return messages.map((message) => {
      const item = messageItem(message, this.#me);
      this.#items.set(message.id, item);
      this.unsettle(item);
      const quoted = message.reply_to ? this.#quoted(message.reply_to) : undefined;
      if (quoted) showQuote(within(item, '.quote'), quoted);
      return item;
    });
  }

  /** @param {Shown[]} messages */
  replace(messages) {
    this.#quietly(() => {
      this.#items.clear();
      this.#list.replaceChildren(...this.#make(messages));
    });
  }

  /** @param {Shown[]} messages */
  prepend(messages) {
    this.#quietly(() => this.#list.prepend(...this.#make(messages)));
  }

  /**
   * `isNews` if they were just posted: these are read out.
   * @param {Shown[]} messages
   * @param {{ isNews: boolean }} options
   */
  append(messages, { isNews }) {
    const act = () => this.#list.append(...this.#make(messages));
    if (isNews) act();
    else this.#quietly(act);
  }

  /** @param {number[]} ids */
  remove(ids) {
    this.#quietly(() => {
      for (const id of ids) {
        this.#items.get(id)?.remove();
        this.#items.delete(id);
      }
    });
  }

  /** Quotes are also at those that are not sent yet. @param {number} id */
  quotesOf(id) {
    return /** @type {NodeListOf<HTMLElement>} */ (this.#scroller.querySelectorAll(`.quote[data-quoted="${id}"]`));
  }

  /** @param {Shown} message */
  show(message) {
    const item = this.item(message.id);
    if (item) {
      this.unsettle(item);
      showMessage(item, message);
    }
    for (const link of this.quotesOf(message.id)) showQuote(link, message);
  }

  /**
   * @param {number} id
   * @param {Look} look
   */
  place(id, look) {
    const item = this.item(id);
    if (!item) return;
    this.unsettle(item);
    showLook(item, look);
  }

  /** Heights have to be measured again, as all do when the log is as wide as never before. */
  unsettleAll() {
    for (const item of this.#items.values()) this.unsettle(item);
  }

  /**
   * The height of an item changes. It is measured in the next frame, when it has been laid out anyway; from then on the
   * browser need not look at it while it is out of view.
   * @param {HTMLElement} item
   */
  unsettle(item) {
    item.classList.remove('settled');
    this.#unsettled.add(item);
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => requestAnimationFrame(() => this.#settle()));
  }

  #settle() {
    this.#isDue = false;
    const items = [...this.#unsettled].filter((item) => item.isConnected);
    this.#unsettled.clear();
    const heights = items.map((item) => item.getBoundingClientRect().height);
    items.forEach((item, index) => {
      item.style.containIntrinsicBlockSize = `${heights[index]}px`;
      item.classList.add('settled');
    });
  }

  /**
   * Changes what is there without a word: a reader is told what is new, not what is older. Should the focus go with it, the log has it.
   * @param {() => void} act
   */
  #quietly(act) {
    const hadFocus = this.#list.contains(document.activeElement);
    this.#scroller.setAttribute('aria-busy', 'true');
    act();
    if (hadFocus && !this.#list.contains(document.activeElement)) this.#scroller.focus({ preventScroll: true });
    requestAnimationFrame(() => this.#scroller.removeAttribute('aria-busy'));
  }
}

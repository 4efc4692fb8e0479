// An EventTarget whose listeners know what they are told.

/**
 * Each event is a `CustomEvent`; `Told` has the type of its `detail` by its name.
 * @template {object} Told
 */
export class Emitter extends EventTarget {
  /**
   * @template {keyof Told & string} Type
   * @param {Type} type
   * @param {((event: CustomEvent<Told[Type]>) => unknown) | EventListenerObject | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {EventListenerOrEventListenerObject} */ (listener), options);
  }

  /**
   * @template {keyof Told & string} Type
   * @param {Type} type
   * @param {((event: CustomEvent<Told[Type]>) => unknown) | EventListenerObject | null} listener
   * @param {boolean | EventListenerOptions} [options]
   */
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, /** @type {EventListenerOrEventListenerObject} */ (listener), options);
  }

  /**
   * @template {keyof Told & string} Type
   * @param {Type} type
   * @param {Told[Type]} [detail]
   */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

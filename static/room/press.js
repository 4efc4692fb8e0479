// A finger that stays on something, as what a mouse does with its other button.

/** The length of a long press, in milliseconds. */
const LONG = 500;
/** A finger trembles by so many pixels. */
const STILL = 10;

/**
 * Calls `act` with what a finger stays on; it returns true if that means something. `menu` is what it opens: lifting the
 * finger would close it, as any touch beside it.
 * @param {HTMLElement} element
 * @param {(target: EventTarget | null) => boolean} act
 * @param {HTMLElement} menu
 */
export function onLongPress(element, act, menu) {
  /** @type {{ finger: number, x: number, y: number, timer: ReturnType<typeof setTimeout>, isLong: boolean } | undefined} */
  let press;
  // From the moment a long press has opened the menu until the next touch: lifting the finger closes what it opened.
  let isHeld = false;
  const end = () => {
    clearTimeout(press?.timer);
    press = undefined;
  };
  document.addEventListener('pointerdown', ({ pointerType }) => {
    if (pointerType === 'touch') isHeld = false;
  }, { capture: true });
  document.addEventListener('keydown', () => {
    isHeld = false;
  }, { capture: true });
  menu.addEventListener('toggle', (event) => {
    if (isHeld && event instanceof ToggleEvent && event.newState === 'closed') menu.showPopover();
  });
  element.addEventListener('pointerdown', ({ pointerId: finger, pointerType, isPrimary, target, clientX: x, clientY: y }) => {
    // The touch before may be told only now as what a mouse does.
    if (pointerType !== 'touch') return;
    end();
    // What can be pressed is pressed; a link has a menu of the browser's own.
    if (!isPrimary || !(target instanceof Element) || target.closest('a, button')) return;
    const timer = setTimeout(() => {
      if (press) press.isLong = isHeld = act(target);
    }, LONG);
    press = { finger, x, y, timer, isLong: false };
  });
  // A touch before may still be told as what a mouse does.
  element.addEventListener('pointermove', ({ pointerId, clientX, clientY }) => {
    if (press?.finger === pointerId && !press.isLong && Math.hypot(clientX - press.x, clientY - press.y) > STILL) end();
  });
  for (const type of ['pointerup', 'pointercancel']) {
    document.addEventListener(type, (event) => {
      if (!(event instanceof PointerEvent) || press?.finger !== event.pointerId) return;
      end();
    });
  }
  // The browser's own menu, or a selection, would come on top.
  element.addEventListener('contextmenu', (event) => press && event.preventDefault());
}

// A finger that stays on something, as what a mouse does with its other button.

/** How long, in milliseconds. */
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
  const end = () => {
    clearTimeout(press?.timer);
    press = undefined;
  };
  element.addEventListener('pointerdown', ({ pointerId: finger, pointerType, isPrimary, target, clientX: x, clientY: y }) => {
    end();
    // What can be pressed is pressed; a link has a menu of the browser's own.
    if (pointerType !== 'touch' || !isPrimary || !(target instanceof Element) || target.closest('a, button')) return;
    const timer = setTimeout(() => {
      if (press) press.isLong = act(target);
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
      if (press.isLong) setTimeout(() => menu.matches(':popover-open') || menu.showPopover());
      end();
    });
  }
  // The browser's own menu, or a selection, would come on top.
  element.addEventListener('contextmenu', (event) => press && event.preventDefault());
}

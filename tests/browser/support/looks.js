// Pictures of a page in each size and colour scheme, and axe-core's word on it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
export const SIZES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
  /** A small one, which the pages for users are looked at on. */
  small: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
};

/** The rules that a colour scheme can break: the rest of a page is the same in each. */
const OF_COLOURS = ['color-contrast', 'link-in-text-block'];

async function hasNoViolation(page, where, only) {
  // Axe comes past the policy, as a debugger does, and looks once nothing fades any more.
  await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished, effect }) =>
    (effect.getComputedTiming().endTime === Infinity ? undefined : finished))));
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(await axeSource());
  const { violations, passes } = await page.evaluate((rules) => window.axe.run(document, { resultTypes: ['violations'], ...(rules && { runOnly: rules }) }), only);
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join('; ')}`);
  assert.deepEqual(found, [], where);
  assert.ok(passes.length > (only ? 0 : 15), 'axe looked');
}

let source;
async function axeSource() {
  source ??= await readFile(AXE, 'utf8');
  return source;
}

/** Pictures of a page as it is, and axe's word on it, light and dark; `size` is one of `SIZES`. */
export function looker(size) {
  const { viewport } = SIZES[size];
  return async (page, name) => {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `pictures/${name}-${size}-${colorScheme}.png`, animations: 'disabled' });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= viewport.width, `${name} is no wider than the window: ${width}`);
      await hasNoViolation(page, `${name}, ${colorScheme}`, colorScheme === 'dark' ? OF_COLOURS : undefined);
    }
  };
}

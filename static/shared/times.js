// Times in words.

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** A time by its date and clock. @param {string} timestamp */
export const moment = (timestamp) => exact.format(new Date(timestamp));

export const MINUTE = 60;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/**
 * The time that is so many seconds from now, as the server takes it; nothing for no end.
 * @param {string} seconds
 */
export const after = (seconds, now = Date.now()) => (seconds ? new Date(now + Number(seconds) * 1000).toISOString() : undefined);

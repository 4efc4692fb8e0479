// A request to the API, and its refusal.

const PATIENCE = 20_000;
const LONGEST_PAUSE = 30_000;

/** The header of a body that is JSON. */
export const JSON_BODY = { 'Content-Type': 'application/json' };

/** An answer that is no success, with the fields of its problem document. */
export class Refused extends Error {
  /**
   * @param {Response} answer
   * @param {{ detail?: string, code?: string, errors?: { field: string, detail: string }[] } | undefined} problem
   */
  constructor(answer, problem) {
    super(problem?.detail ?? `the server answered ${answer.status}`);
    this.status = answer.status;
    this.code = problem?.code;
    this.errors = problem?.errors ?? [];
    const seconds = Number(answer.headers?.get('Retry-After'));
    /** The time to wait before asking again, in milliseconds. */
    this.retryAfter = seconds > 0 ? seconds * 1000 : undefined;
  }

  /** True if asking again can't help. What has no code is not the server's word: a proxy says it, and may think better of it. */
  get isFinal() {
    return Boolean(this.code) && this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }
}

/**
 * True for an answer that asking again can't change.
 * @param {unknown} error
 * @returns {error is Refused}
 */
export const isFinal = (error) => error instanceof Refused && error.isFinal;

/**
 * After how many milliseconds to ask again: growing, and random so that not all come back in the same moment.
 * @param {number} failures
 */
export function backoff(failures) {
  return Math.min(LONGEST_PAUSE, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);
}

/**
 * Fetches JSON; ends with any of `signals`, and after `patience` milliseconds.
 * @param {string} url
 * @param {{ signals?: AbortSignal[], patience?: number, method?: string, headers?: Record<string, string>, body?: string, credentials?: RequestCredentials }} [options]
 * @returns {Promise<any>}
 */
export async function request(url, { signals = [], patience = PATIENCE, ...options } = {}) {
  const control = new AbortController();
  const stop = () => control.abort();
  const timer = setTimeout(stop, patience);
  signals.forEach((each) => (each.aborted ? stop() : each.addEventListener('abort', stop)));
  try {
    const answer = await fetch(url, { ...options, signal: control.signal });
    // A proxy's page is no problem document.
    const body = answer.status === 204 ? null : await answer.json().catch((error) => {
      if (answer.ok) throw error;
    });
    if (!answer.ok) throw new Refused(answer, body);
    return body;
  } finally {
    clearTimeout(timer);
    signals.forEach((each) => each.removeEventListener('abort', stop));
  }
}

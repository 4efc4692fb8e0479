// Links that carry a secret: in the fragment, which browsers send to nobody.

/** @typedef {{ invitation?: string, reset?: string, username?: string }} Carried */

/**
 * The secret that a link carries: an invitation, or the code for a new password.
 * @param {string} hash
 * @returns {Carried | undefined}
 */
export function carried(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const [invitation, reset, username] = ['invitation', 'reset', 'username'].map((name) => fields.get(name)?.trim() || undefined);
  return invitation || reset ? { invitation, reset, username } : undefined;
}

/**
 * The link that carries it.
 * @param {Carried} secret
 * @param {string} origin
 */
export function linkWith(secret, origin) {
  const given = Object.entries(secret).filter(([, value]) => value !== undefined);
  return `${origin}/sign-in#${new URLSearchParams(given)}`;
}

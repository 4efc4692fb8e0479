// Names are compared as the server compares them. That the table is the server's, a test of the server holds it to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fold, hue, wrongWithName } from '../../static/shared/names.js';

test('two writings of one name are one', () => {
  const same = [['Weiß', 'WEISS', 'weiss'], ['Σίσυφος', 'ΣΊΣΥΦΟΣ', 'σίσυφοσ'], ['Ann', ' ANN ', 'ann'], ['ﬁsh', 'FISH'], ['İ', 'i̇'],
    ['Åsa', 'A\u030asa', 'ÅSA'], ['Ꭰ', 'ꭰ'], ['𐐀', '𐐨'], ['ᾼ', 'αι'], ['Ǆ', 'ǅ', 'ǆ'],
    ['Ann ❤', 'ann ❤️'], ['👩‍💻', '👩💻'], ['Ann\u00a0B', 'ann b']];
  for (const names of same) assert.equal(new Set(names.map(fold)).size, 1, names.join(' '));
  const other = [['ı', 'i'], ['a', 'á'], ['Ann', 'Anna'], ['o', 'ø'], ['می‌خواهم', 'میخواهم']];
  for (const names of other) assert.equal(new Set(names.map(fold)).size, 2, names.join(' '));
  assert.equal(hue('Weiß'), hue('WEISS'));
});

test('what the server refuses is said before', () => {
  for (const name of ['Ann', '👩‍💻', 'می‌خواهم', '❤️']) assert.equal(wrongWithName(name), '');
  for (const name of ['', '  ', 'x'.repeat(101), 'a\u202eb', 'a\u0000b']) assert.ok(wrongWithName(name), JSON.stringify(name));
});

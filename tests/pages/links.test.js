// Web addresses in a text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pieces } from '../../static/shared/links.js';

const links = (text) => pieces(text).filter(({ href }) => href).map(({ text: shown, href }) => (shown === href ? href : [shown, href]));

test('an address ends where its sentence goes on', () => {
  const cases = {
    'see https://example.org/a.': ['https://example.org/a'],
    '(https://example.org/a)': ['https://example.org/a'],
    'https://en.wikipedia.org/wiki/Rust_(language)': ['https://en.wikipedia.org/wiki/Rust_(language)'],
    '(see https://en.wikipedia.org/wiki/Rust_(language)).': ['https://en.wikipedia.org/wiki/Rust_(language)'],
    'https://example.org/?a[1]=2]!': ['https://example.org/?a[1]=2'],
    'https://example.org/(a)(b))))': ['https://example.org/(a)(b)'],
    '“https://example.org/x”, he said': ['https://example.org/x'],
    'really, https://example.org/x?!…': ['https://example.org/x'],
    '*https://example.org*': ['https://example.org'],
    '<https://example.org/a>': ['https://example.org/a'],
    'https://example.org/a,b;c': ['https://example.org/a,b;c'],
    'https://例え.jp/道。次': ['https://例え.jp/道'],
    '見てhttps://example.org/a、': ['https://example.org/a'],
    'https://example.org/#a:b': ['https://example.org/#a:b'],
    'a https://a.example b http://b.example': ['https://a.example', 'http://b.example'],
  };
  for (const [text, expected] of Object.entries(cases)) assert.deepEqual(links(text), expected, text);
});

test('it may be written in capitals, without its scheme, or name a mailbox', () => {
  assert.deepEqual(links('HTTPS://EXAMPLE.ORG/A'), ['HTTPS://EXAMPLE.ORG/A']);
  assert.deepEqual(links('www.example.org, please'), [['www.example.org', 'http://www.example.org']]);
  assert.deepEqual(links('Www.Example.org/a(b)'), [['Www.Example.org/a(b)', 'http://Www.Example.org/a(b)']]);
  assert.deepEqual(links('(mailto:ann@example.org)'), ['mailto:ann@example.org']);
  assert.deepEqual(links('MAILTO:ann@example.org?subject=hi.'), ['MAILTO:ann@example.org?subject=hi']);
});

test('what is no address is none', () => {
  for (const text of ['http://', 'https:// example.org', 'www.', 'www.example', 'mailto:', 'mailto:ann', 'xhttp://example.org', 'awww.example.org',
    'javascript:alert(1)', 'data:text/html,x', 'ftp://example.org', 'https://)', 'https://[', 'http://a b@:99999']) {
    assert.deepEqual(links(text).filter((href) => !/^http:\/\/a$/.test(href)), [], text);
  }
});

test('nothing within code is one', () => {
  assert.deepEqual(links('`curl https://example.org` and https://example.org/b'), ['https://example.org/b']);
  assert.deepEqual(links('```\nhttps://example.org\n```\nhttps://example.org/b'), ['https://example.org/b']);
  assert.deepEqual(links('``a ` https://example.org``'), []);
  assert.deepEqual(links('```\nhttps://example.org without an end'), []);
  assert.deepEqual(links('a lone ` and https://example.org/b'), ['https://example.org/b']);
});

test('no text is lost, and none takes long', () => {
  const hostile = ['('.repeat(10_000), `https://${')'.repeat(9_990)}`, '`'.repeat(10_000), '` '.repeat(5_000), 'www.'.repeat(2_500), 'https://'.repeat(1_250),
    'mailto:'.repeat(1_400), `https://a.b/${'(['.repeat(4_900)}`, `${'`'.repeat(99)} ${'``` '.repeat(2_400)}`];
  for (const text of [...hostile, 'a https://b.example/(c) `d` e', '']) {
    const start = performance.now();
    assert.equal(pieces(text).map((piece) => piece.text).join(''), text);
    assert.ok(performance.now() - start < 500, `${text.slice(0, 20)} took ${performance.now() - start} ms`);
  }
});

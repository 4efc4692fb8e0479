// What the pages say and send where credentials are required.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { device } from '../../static/account/device.js';
import { keyRequest } from '../../static/account/keys.js';
import { carried, linkWith } from '../../static/account/link.js';
import { Refused } from '../../static/client/request.js';
import { wordsOf } from '../../static/room/arrival.js';
import { ofMember, ofRoom } from '../../static/room/happened.js';
import { pauseInWords } from '../../static/room/pauses.js';
import { changes } from '../../static/room/room-settings.js';
import { isDirect, underOf } from '../../static/rooms/sorted.js';
import { signInAddress, wayBack } from '../../static/shared/parting.js';
import { inPlainWords, inTime, sentence, UNREACHABLE } from '../../static/shared/refusals.js';
import { hasEnded } from '../../static/shared/session.js';
import { after } from '../../static/shared/times.js';

const refused = (status, code, detail, headers = {}) => new Refused(new Response('', { status, headers }), { code, detail });

test('the way back from the sign-in leads to a page of this server only', () => {
  const origin = 'https://chat.example';
  const back = (to) => wayBack(`?${new URLSearchParams({ to })}`, origin);
  assert.equal(back('/rooms/general#12'), '/rooms/general#12');
  assert.equal(back('/account'), '/account');
  for (const bad of ['', 'https://evil.example/', '//evil.example/', '/\\evil.example', '\\\\evil.example', 'javascript:alert(1)', '/sign-in?to=/', 'rooms/a', '/\t/evil.example']) {
    assert.equal(back(bad), '/', bad);
  }
  assert.equal(wayBack('', origin), '/');
  assert.equal(wayBack(new URL(signInAddress({ pathname: '/rooms/a', hash: '#7' }), origin).search, origin), '/rooms/a#7');
});

test('a secret is carried in the fragment of a link, never in its query', () => {
  const link = linkWith({ invitation: 'pli_a+b', username: 'Zoë & Co' }, 'https://chat.example');
  const url = new URL(link);
  assert.equal(url.search, '');
  assert.equal(url.pathname, '/sign-in');
  assert.deepEqual(carried(url.hash), { invitation: 'pli_a+b', reset: undefined, username: 'Zoë & Co' });
  assert.deepEqual(carried(new URL(linkWith({ reset: 'r1', username: undefined }, 'https://a.example')).hash), { invitation: undefined, reset: 'r1', username: undefined });
  assert.equal(carried('#12'), undefined);
  assert.equal(carried(''), undefined);
});

test('refusals are told in plain words', () => {
  assert.equal(inPlainWords(new TypeError('network')), UNREACHABLE);
  assert.equal(inPlainWords(refused(401, 'bad_credentials', 'No.')), 'The name or the password is not right.');
  assert.equal(inPlainWords(refused(401, 'bad_credentials', 'No.'), { bad_credentials: 'Wrong code.' }), 'Wrong code.');
  assert.equal(inPlainWords(refused(418, 'teapot', 'I am a teapot.')), 'I am a teapot.');
  assert.equal(inPlainWords(refused(429, 'too_many', 'No.', { 'Retry-After': '120' })), 'Too many tries. Try again in 2 minutes.');
  assert.equal(inPlainWords(refused(429, undefined, 'No.')), 'Too many tries. Try again later.');
  assert.match(inPlainWords(refused(429, 'slow_mode', 'No.', { 'Retry-After': '5' })), /pause between two messages/);
  assert.deepEqual([1, 1_500, 89_000, 90_000, 900_000].map(inTime), ['1 second', '2 seconds', '89 seconds', '2 minutes', '15 minutes']);
  assert.equal(sentence('Password', 'has at least 10 characters'), 'Password has at least 10 characters.');
  assert.equal(sentence('Name', 'is yourself.'), 'Name is yourself.');
});

test('only a session that has ended leads to the sign-in', () => {
  assert.deepEqual([refused(401, 'invalid_token'), refused(401, 'unauthenticated'), refused(401, 'bad_credentials'), refused(403, 'forbidden'), new Error('x')].map(hasEnded),
    [true, true, false, false, false]);
});

test('a browser is named by what it is, not by what it says to be like', () => {
  const mozilla = 'Mozilla/5.0';
  for (const [agent, name] of [
    [`${mozilla} (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0`, 'Edge on Windows'],
    [`${mozilla} (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36`, 'Chrome on Linux'],
    [`${mozilla} (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36`, 'Chrome on Android'],
    [`${mozilla} (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 Version/17.0 Mobile/15E148 Safari/604.1`, 'Safari on iOS'],
    [`${mozilla} (Macintosh; Intel Mac OS X 10.15; rv:130.0) Gecko/20100101 Firefox/130.0`, 'Firefox on macOS'],
    ['curl/8.0', 'curl/8.0'], [null, 'Unknown browser'],
  ]) assert.equal(device(agent), name);
});

test('a key is asked for with no more than was chosen', () => {
  const all = ['read', 'post'];
  assert.deepEqual(keyRequest({ name: 'ci', rooms: '', expires_in: '', bot: '' }, all, all), { name: 'ci' });
  assert.deepEqual(keyRequest({ name: 'ci', rooms: ' general, team-*  x ', expires_in: '3600', bot: 'robo' }, ['read'], all),
    { name: 'ci', rooms: ['general', 'team-*', 'x'], can: ['read'], expires_in: 3600, bot: 'robo' });
});

test('what happened is said in a line for each thing', () => {
  const said = (lines) => lines.map((line) => line.map((piece) => (typeof piece === 'string' ? piece : piece.name)).join(''));
  const member = (type, fields) => said([ofMember({ type, username: 'Ann', by: 'Ben', ...fields })])[0];
  assert.equal(member('member_joined', { role: 'member', by: 'Ann' }), 'Ann has joined.');
  assert.equal(member('member_joined', { role: 'member' }), 'Ben has added Ann.');
  assert.equal(member('member_joined', { role: 'owner' }), 'Ben has added Ann as an owner.');
  assert.equal(member('member_changed', { role: 'reader' }), 'Ben has made Ann a reader.');
  assert.equal(member('member_left', { reason: 'left', by: 'Ann' }), 'Ann has left.');
  assert.equal(member('member_left', { reason: 'removed' }), 'Ben has removed Ann.');
  assert.equal(member('member_left', { reason: 'banned' }), 'Ben has banned Ann.');
  const before = { title: 'A', topic: '', visibility: 'public', posting: 'everyone', slow_mode: 0 };
  assert.deepEqual(ofRoom(before, before), []);
  assert.deepEqual(said(ofRoom(before, { ...before, title: 'B', visibility: 'private', slow_mode: 60 })),
    ['The room is called B now.', 'The room is private now: only its members find it.', 'From now on everybody pauses 1 minute between two messages.']);
  assert.equal(said(ofRoom(before, { ...before, posting: 'moderators' }))[0], 'Only moderators write here now.');
  assert.deepEqual(['left', 'removed', 'banned'].map((reason) => wordsOf(reason, 'Ben', '#a')), ['You have left #a.', 'Ben has removed you from #a.', 'Ben has banned you from #a.']);
});

test('only what is changed of a room is sent', () => {
  const before = { title: 'A', topic: 'x', visibility: 'public', posting: 'everyone', slow_mode: 30 };
  assert.deepEqual(changes(before, { title: 'A', topic: '', posting: 'everyone', slow_mode: '30' }), { topic: '' });
  assert.deepEqual(changes(before, { slow_mode: '0', visibility: 'private' }), { slow_mode: 0, visibility: 'private' });
});

test('rooms that the server has named show no name', () => {
  const room = (name, title, visibility = 'private') => ({ name, title, visibility });
  assert.equal(underOf(room('plans', 'Plans')), '#plans');
  assert.equal(underOf(room('plans', '')), '');
  assert.equal(underOf(room('r-abc', 'Plans')), '');
  assert.equal(underOf(room('dm-abc', 'Ben')), '');
  assert.deepEqual([room('dm-a', ''), room('dm-a', '', 'public'), room('admin', '')].map(isDirect), [true, false, false]);
});

test('times and pauses are told as they are meant', () => {
  assert.equal(after('3600', Date.parse('2026-11-29T12:00:00Z')), '2026-11-29T13:00:00.000Z');
  assert.equal(after(''), undefined);
  assert.deepEqual([0, 1, 30, 60, 900, 3600].map(pauseInWords), ['None', '1 second', '30 seconds', '1 minute', '15 minutes', '1 hour']);
});

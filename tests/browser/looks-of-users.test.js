// The looks of the pages where credentials are required: pictures of each, and axe-core on each, light and dark, phone and desktop.
import { test } from 'node:test';
import { sees, useBrowser } from './support/browser.js';
import { looker, SIZES } from './support/looks.js';
import { add, member, PASSWORD, request, signIn, start, visitor } from './support/team.js';

useBrowser();

/** Rooms, people and what they did, as a team has them after a while. */
async function live(t, server) {
  const { page: ann } = await member(t, server, 'Ann');
  for (const name of ['Mara', 'Jonas', 'Kim']) await add(server, name);
  const put = async (path, body) => (await request(ann, 'PUT', path, body)).body;
  await put('rooms/town', { title: 'Town hall', topic: 'Everything that has no room of its own', visibility: 'public' });
  const { name } = (await request(ann, 'POST', 'rooms', { title: 'Plans for the spring', visibility: 'private' })).body;
  for (const [username, role] of [['Mara', 'moderator'], ['Jonas', 'member'], ['Kim', 'reader']]) await put(`rooms/${name}/members/${username}`, { role });
  await put(`rooms/${name}/mutes/Jonas`, { until: '2099-01-01T00:00:00Z' });
  await put(`rooms/${name}/bans/Kim`, { reason: 'Sold the same chairs to all of us, again and again' });
  await put('dms/Mara');
  await request(ann, 'POST', `rooms/${name}/messages`, { content: 'Who brings the chairs?' });
  return { room: name };
}

/** Pages are looked at in both sizes, their dialogs in one. */
for (const [size, options] of Object.entries({ desktop: SIZES.desktop, small: SIZES.small })) {
  test(`the pages for users look well and leave nobody out: ${size}`, async (t) => {
    const look = looker(size);
    const server = await start(t, { accounts: 'invite' });
    await server.command(['user', 'add', 'Root', '--admin', '--password-stdin'], `${PASSWORD}\n`);
    const page = await (await visitor(t, options)).newPage();
    await page.goto(server.url);
    await page.locator('#username').waitFor();
    await signIn(page, 'Root', 'wrong');
    await page.getByRole('alert').getByText('is not right').waitFor();
    await look(page, 'sign-in');
    await page.getByRole('button', { name: 'Register' }).click();
    if (size === 'small') await look(page, 'register');
    await page.getByRole('button', { name: 'I have an account' }).click();
    await signIn(page, 'Root');
    await page.getByText('You are in no room yet.').waitFor();
    await page.goto(`${server.url}/admin`);
    await page.getByRole('button', { name: 'New invitation…' }).click();
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByLabel('Invitation', { exact: true }).waitFor();
    if (size === 'desktop') await look(page, 'secret');
    await page.getByRole('button', { name: 'Done' }).click();
    await page.locator('#invitations li').waitFor();
    await page.locator('#users li').waitFor();
    await look(page, 'admin');
    await page.goto(`${server.url}/account`);
    await page.locator('#sessions li').waitFor();
    await look(page, 'account');
    await page.getByRole('button', { name: 'New key…' }).click();
    if (size === 'small') await look(page, 'key');
  });

  test(`rooms of their members look well and leave nobody out: ${size}`, async (t) => {
    const look = looker(size);
    const server = await start(t);
    const { room } = await live(t, server);
    const page = await (await visitor(t, options)).newPage();
    await page.goto(`${server.url}/rooms/${room}`);
    await page.locator('#username').waitFor();
    await signIn(page, 'Ann');
    await page.waitForURL(`**/rooms/${room}`);
    await sees(page, 'Who brings the chairs?');
    await request(page, 'PUT', `rooms/${room}/members/Jonas`, { role: 'member' });
    await request(page, 'PUT', `rooms/${room}`, { posting: 'moderators' });
    await page.locator('.happened p').getByText('Only moderators').waitFor();
    if (size === 'small') {
      await page.locator('#show-people').tap();
      await page.locator('#people').waitFor();
    }
    await look(page, 'room-of-members');
    await page.getByRole('button', { name: 'Members…' }).click();
    await page.locator('dialog li').nth(2).waitFor();
    await look(page, 'members');
    await page.getByRole('button', { name: 'More about Jonas…' }).click();
    if (size === 'small') await look(page, 'person');
    await page.getByRole('button', { name: 'Ban…' }).click();
    if (size === 'desktop') await look(page, 'ban');
    for (let dialogs = 3; dialogs > 0; dialogs -= 1) await page.keyboard.press('Escape');
    const roomAct = async (name) => {
      if (size === 'small') await page.locator('#show-people').tap();
      await page.getByRole('button', { name }).click();
    };
    await roomAct('Room settings…');
    if (size === 'desktop') await look(page, 'room-settings');
    await page.keyboard.press('Escape');
    await page.goto(server.url);
    await page.locator('#mine .room-link').nth(1).waitFor();
    await page.locator('#directs .room-link').waitFor();
    await page.locator('#public .room-link').waitFor();
    await look(page, 'rooms-of-members');
    await page.getByRole('button', { name: 'New room…' }).click();
    if (size === 'small') await look(page, 'new-room');
  });
}

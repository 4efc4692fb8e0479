// What the room is called, who finds it and who writes there: a form for whoever may change it.
/** @import { Place } from './required.js' */
import { VISIBILITIES } from '../rooms/make-room.js';
import { askFor } from '../shared/dialog.js';
import { entry, input, select } from '../shared/form.js';
import { ask } from '../shared/session.js';
import { PAUSES, pauseInWords } from './pauses.js';

/** @type {[string, string][]} */
const POSTINGS = [['everyone', 'Everybody who may'], ['moderators', 'Moderators only']];

/**
 * The fields that are otherwise than they were.
 * @param {Record<string, unknown>} before
 * @param {Record<string, string>} values
 */
export function changes(before, values) {
  const typed = Object.entries(values).map(([name, value]) => [name, name === 'slow_mode' ? Number(value) : value]);
  return Object.fromEntries(typed.filter(([name, value]) => before[String(name)] !== value));
}

/** Opens the form. @param {Place} place */
export function openSettings({ path, standing, description }) {
  const before = { ...description.room };
  const { title, topic, visibility, posting, slow_mode: pause = 0 } = before;
  /** @type {[string, string][]} */
  const pauses = [...new Set([...PAUSES, pause])].sort((a, b) => a - b).map((seconds) => [String(seconds), pauseInWords(seconds)]);
  const fields = [
    entry('Title', input({ name: 'title', maxlength: 200, value: title })),
    entry('Topic', input({ name: 'topic', maxlength: 1000, value: topic })),
    ...(standing.mayChangeVisibility ? [entry('Who finds it', select('visibility', VISIBILITIES, visibility), 'Whoever finds it reads all of it, also what was said before.')] : []),
    entry('Who writes', select('posting', POSTINGS, posting)),
    entry('Pause between two messages of a person', select('slow_mode', pauses, String(pause))),
  ];
  askFor({ title: 'Room settings', yes: 'Save', fields }, async (values) => {
    const changed = changes(before, values);
    if (Object.keys(changed).length) await ask(path, { method: 'PUT', body: changed });
  });
}

#!/bin/sh
# Makes emoji.json again from the npm package emojibase-data, and takes its licence along. Needs node and npm.
set -eu

VERSION=17.0.0
HERE=$(cd "$(dirname "$0")" && pwd)
FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT
npm install --prefix "$FOLDER" --no-audit --no-fund --loglevel=error --ignore-scripts "emojibase-data@$VERSION"
PACKAGE="$FOLDER/node_modules/emojibase-data"
cp "$PACKAGE/LICENSE" "$HERE/LICENSE"
VERSION=$VERSION PACKAGE=$PACKAGE node --input-type=module > "$HERE/emoji.json" <<'SCRIPT'
import { readFileSync } from 'node:fs';

/** Newer ones are still missing from many fonts. */
const NEWEST = 15.1;
const { PACKAGE, VERSION } = process.env;
const read = (file) => JSON.parse(readFileSync(`${PACKAGE}/en/${file}`, 'utf8'));
// Without the selector that asks for what the character is anyway: so keyboards write it, and one emoji stays one.
const qualified = (emoji) => emoji.replace(/(\p{Emoji_Presentation})\uFE0F/gu, '$1');
const known = read('data.json').filter(({ group, version }) => group !== undefined && version <= NEWEST);
known.sort((one, other) => one.order - other.order);
const groups = read('messages.json').groups.filter(({ key }) => key !== 'component').map(({ message, order }) => ({
  name: message[0].toUpperCase() + message.slice(1),
  emoji: known.filter(({ group }) => group === order).map(({ emoji, label, tags = [] }) => [qualified(emoji), label, tags.join(' ')]),
}));
const rows = groups.map(({ name, emoji }) =>
  `{"name":${JSON.stringify(name)},"emoji":[\n${emoji.map((each) => JSON.stringify(each)).join(',\n')}\n]}`);
const [copyright] = readFileSync(`${PACKAGE}/LICENSE`, 'utf8').match(/Copyright.*/);
const from = `emojibase-data ${VERSION}, MIT License, ${copyright}`;
console.log(`{"from":${JSON.stringify(from)},"groups":[\n${rows.join(',\n')}\n]}`);
SCRIPT

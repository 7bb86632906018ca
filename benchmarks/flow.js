// The same mix in k6. The messages are encoded and decoded here, because k6 speaks no protobuf over plain HTTP.
import http from 'k6/http';
import { check } from 'k6';

const host = __ENV.TARGET_HOST, email = __ENV.TEST_USER_EMAIL;
const photo = new Uint8Array(open(__ENV.TEST_PHOTO_PATH, 'b'));
const PB = 'application/protobuf', GRPC = 'application/grpc+proto';
const bearer = { Authorization: `Bearer ${__ENV.TEST_USER_TOKEN}` };
export const options = { vus: Number(__ENV.USERS), duration: __ENV.SECONDS + 's', discardResponseBodies: false };

function varint(out, value) {
  while (value > 127) { out.push((value % 128) | 128); value = Math.floor(value / 128); }
  out.push(value);
}

// fields: [number, kind, value]; kinds: v varint, s string, b bytes, f float
function encode(fields) {
  const parts = []; let length = 0;
  const add = (bytes) => { parts.push(bytes); length += bytes.length; };
  for (const [number, kind, value] of fields) {
    const head = [];
    if (kind === 'v') { varint(head, number << 3); varint(head, value); add(head); continue; }
    if (kind === 'f') {
      head.push((number << 3) | 5); add(head);
      const raw = new Uint8Array(4); new DataView(raw.buffer).setFloat32(0, value, true); add(raw); continue;
    }
    const bytes = kind === 'b' ? value : Uint8Array.from(Array.from(value), (c) => c.charCodeAt(0));
    varint(head, (number << 3) | 2); varint(head, bytes.length); add(head); add(bytes);
  }
  const body = new Uint8Array(length); let at = 0;
  for (const part of parts) { body.set(part, at); at += part.length; }
  return body.buffer;
}

// every field of a message, by number: numbers for varints and floats, sub-arrays for the rest
function decode(bytes) {
  const fields = {}; let at = 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = () => { let value = 0, scale = 1, byte; do { byte = bytes[at++]; value += (byte & 127) * scale; scale *= 128; } while (byte > 127); return value; };
  while (at < bytes.length) {
    const tag = read(), number = tag >>> 3; let value;
    switch (tag & 7) {
      case 0: value = read(); break;
      case 1: value = view.getFloat64(at, true); at += 8; break;
      case 2: { const size = read(); value = bytes.subarray(at, at + size); at += size; break; }
      case 5: value = view.getFloat32(at, true); at += 4; break;
      default: throw new Error('wire type');
    }
    (fields[number] = fields[number] || []).push(value);
  }
  return fields;
}

function send(path, fields, type) {
  const answer = http.post(host + path, encode(fields), { headers: { 'Content-Type': type, ...bearer }, responseType: 'binary' });
  return judged(answer);
}
function judged(answer) {
  const message = answer.status === 200 ? decode(new Uint8Array(answer.body)) : null;
  check(answer, { good: () => message !== null });
  return message;
}
const get = (path) => judged(http.get(host + path, { headers: bearer, responseType: 'binary' }));
const day = (ago) => { const d = new Date(Date.now() - ago * 864e5); return `${String(d.getUTCDate()).padStart(2, '0')}-${String(d.getUTCMonth() + 1).padStart(2, '0')}-${d.getUTCFullYear()}`; };

function fullFlow() {
  const time = Date.now();
  const answer = http.post(`${host}/eater_receive_photo`, encode([[1, 's', String(time)], [2, 'b', photo], [3, 's', 'default_prompt']]), { headers: { 'Content-Type': PB, ...bearer } });
  if (!check(answer, { stored: (r) => r.status === 200 && r.json('status') === 'Success' })) return;
  const dishes = (get('/eater_get_today')[1] || []).map(decode);
  if (!check(dishes, { found: (list) => list.some((dish) => dish[1][0] === time) })) return;
  send('/modify_food_record', [[1, 'v', time], [2, 's', email], [3, 'v', 200]], GRPC);
  const weight = 40 + Math.random() * 110;
  send('/manual_weight', [[1, 's', email], [2, 'f', weight], [1, 'f', weight], [2, 's', email]], GRPC);
  send('/get_recommendation', [[1, 'v', 1]], PB);
  (get('/eater_get_today')[1] || []).map(decode);
  send('/delete_food', [[1, 'v', time]], GRPC);
}

const tasks = [
  fullFlow,
  () => send('/get_food_custom_date', [[1, 's', day(1)]], PB),
  () => send('/set_language', [[1, 's', email], [2, 's', 'en']], GRPC),
  () => get('/alcohol_latest'),
  () => send('/alcohol_range', [[1, 's', day(7)], [2, 's', day(0)]], GRPC),
  () => send('/feedback', [[1, 's', String(Date.now())], [2, 's', email], [3, 's', 'Load test feedback message']], GRPC),
  () => { const answer = http.post(`${host}/eater_auth`, JSON.stringify({ provider: 'google', idToken: __ENV.TEST_AUTH_TOKEN, email, name: 'Locust Tester', profilePictureURL: 'https://example.com/locust-tester.png' }), { headers: { 'Content-Type': 'application/json' } }); check(answer, { token: (r) => r.json('token') !== undefined }); },
];
export default function () { tasks[Math.floor(Math.random() * tasks.length)](); }

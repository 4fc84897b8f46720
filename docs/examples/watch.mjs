// Shows the open incidents of a room as they change: node --experimental-websocket watch.mjs http://127.0.0.1:8080 ROOM TOKEN
// (Node 22 and newer need no flag.) The rules are in services/web/src/socket/README.md.
const [origin, room, token] = process.argv.slice(2);
const incidents = new Map();
let cursor;
let pause = 500;

function open() {
  const socket = new WebSocket(`${origin.replace(/^http/, "ws")}/v1/watch`, ["vigie.v1.json"]);
  const send = (frame) => socket.readyState === 1 && socket.send(JSON.stringify(frame));
  const pings = setInterval(() => send({ ping: {} }), 5000);
  socket.onopen = () => send({ hello: { token, now: new Date(), watch: `room/${room}`, cursor } });
  socket.onmessage = ({ data }) => {
    const { welcome, snapshot, board, event } = JSON.parse(data);
    if (welcome || snapshot) pause = 500;
    if (snapshot) incidents.clear();
    if (snapshot) cursor = snapshot.cursor;
    for (const i of (snapshot?.state ?? board?.changes)?.incidents ?? []) incidents.set(i.id, i);
    if (event) cursor = { log_id: cursor.log_id, offset: event.offset, hash: event.hash };
    if (event) send({ ack: { offset: event.offset } });
    if (snapshot || board) show();
  };
  socket.onclose = ({ code, reason }) => {
    clearInterval(pings);
    if (code >= 4500) return console.error(`the server ended the link: ${code} ${reason}`);
    if (code === 4003) cursor = undefined;
    setTimeout(open, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, 15_000);
  };
}

function show() {
  const open = [...incidents.values()].filter((i) => !i.ended_at).sort((a, b) => a.priority - b.priority);
  console.log(open.map((i) => `P${i.priority} ${i.id} ${i.category} ${i.site} ${i.state}`).join("\n") || "no open incident");
}

open();

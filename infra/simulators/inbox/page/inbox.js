import { markRead, showList } from "./list.js";
import { showMail, showNothing } from "./reader.js";

const POLL_MILLISECONDS = 1500;
const PAGE = 50;
const part = Object.fromEntries([...document.querySelectorAll("[id]")].map((found) => [found.id, found]));
let mails = [];
let known = "";
let wanted = PAGE;

const openId = () => Number(location.hash.slice(1)) || null;
const words = () => part.search.value.trim();

async function ask(path, options) {
  const answer = await fetch(path, { cache: "no-store", ...options });
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`);
  return answer.json();
}

async function refresh() {
  const query = new URLSearchParams({ limit: Math.min(wanted, 1000) });
  if (words()) query.set("q", words());
  const searched = words();
  try {
    const found = await ask(`/api/messages?${query}`);
    if (searched === words()) show(found);
    live(true);
  } catch {
    live(false);
  }
}

function show(found) {
  const now = JSON.stringify([words(), found.total, found.data.map((mail) => mail.id)]);
  if (now === known) return;
  known = now;
  mails = found.data;
  part.total.textContent = `${found.total.toLocaleString()} ${found.total === 1 ? "mail" : "mails"}`;
  part.more.hidden = !found.has_more;
  showList(part.mails, mails, openId(), Boolean(words()));
  if (!openId()) showNothing(part.reader, mails.length ? "Choose a mail to read it." : "");
}

function live(connected) {
  part.live.classList.toggle("lost", !connected);
  part.live.textContent = connected ? "Live" : "Connection lost, trying again";
}

async function open() {
  const id = openId();
  if (!id) return showNothing(part.reader, "Choose a mail to read it.");
  try {
    const mail = await ask(`/api/messages/${id}`);
    if (id === openId()) showMail(part.reader, mail);
    markRead(id);
  } catch {
    showNothing(part.reader, "This mail is not here any more.");
  }
  showList(part.mails, mails, openId(), Boolean(words()));
}

function step(event) {
  const by = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  const elsewhere = event.target.closest("input, [role=tablist], [role=tabpanel], dialog");
  if (!by || elsewhere || event.ctrlKey || event.metaKey || event.altKey || !mails.length) return;
  event.preventDefault();
  const at = mails.findIndex((mail) => mail.id === openId());
  const next = mails[Math.max(0, Math.min(mails.length - 1, at + by))];
  location.hash = next.id;
  part.mails.querySelector(`a[href="#${next.id}"]`)?.focus();
}

async function clear() {
  if (part.confirm.returnValue !== "delete") return;
  await ask("/api/messages", { method: "DELETE" });
  location.hash = "";
  await refresh();
}

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, POLL_MILLISECONDS);
}

addEventListener("hashchange", open);
addEventListener("keydown", step);
part.search.addEventListener("input", refresh);
part.more.addEventListener("click", () => { wanted += PAGE; refresh(); });
part.clear.addEventListener("click", () => { part.confirm.returnValue = ""; part.confirm.showModal(); });
part.confirm.addEventListener("close", clear);
if (openId()) open();
poll();

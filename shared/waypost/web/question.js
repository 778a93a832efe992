// What the pages behind mailed links share. Elements of a page: `title`, `text`, `form` with the
// fields, and `others` with further buttons; it has at least one of the last two.
const token = new URLSearchParams(location.search).get("token");
// Remove the token from the address bar and from the history.
history.replaceState(null, "", location.pathname);

const [title, text, form, others] = ["title", "text", "form", "others"].map((id) => document.getElementById(id));
const buttons = document.querySelectorAll("button");

// `again`: whether the reader may send the form once more.
function say(heading, sentence, again) {
  title.textContent = heading;
  text.textContent = sentence;
  for (const part of [form, others]) if (part !== null) part.hidden = !again;
  for (const button of buttons) button.disabled = false;
}

// The response, or null without a connection; the page says so.
async function send(path, body) {
  for (const button of buttons) button.disabled = true;
  try {
    return await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, ...body }),
    });
  } catch {
    say("Please try again", "There is no connection to the server.", true);
    return null;
  }
}

// The problem document of a refused request; empty if a gateway answered without one.
async function problemOf(response) {
  try {
    return response.ok ? {} : await response.json();
  } catch {
    return {};
  }
}

// `ended`: why the link is not valid any more.
function sayRefused(response, ended) {
  if (response.status < 500 && response.status !== 429) say("This link is no longer valid", ended, false);
  else say("Please try again", "We could not do this right now.", true);
}

function sayIncomplete() {
  say("This link is incomplete", "Open it again from the mail.", false);
}

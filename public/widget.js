// Lets visitors of any page ask for an agent:
//   <script src="https://SERVER/widget.js" data-key="pk_…" async></script>
// data-pool names a pool; without it the page decides. data-label is the button's text. No dependency, no cookie: the token of
// an open lead is kept for the tab.
(() => {
  "use strict";
  const script = document.currentScript;
  const key = script?.dataset.key;
  if (!key) return console.error("widget.js: data-key is missing");
  const server = new URL(script.src).origin;
  const place = `dragonfly-lead-${key}`;
  const label = script.dataset.label || "Talk to us";

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { all: initial; display: flex; flex-direction: column; align-items: flex-end; gap: 8px; position: fixed; right: 16px; bottom: 16px; z-index: 2147483000; font: 14px/1.4 system-ui, sans-serif; color: #1b2430 }
    button { font: inherit; font-weight: 600; padding: 10px 16px; border: 0; border-radius: 8px; background: #1f5fbf; color: #fff; cursor: pointer }
    button:focus-visible, input:focus-visible { outline: 3px solid #8ab4f8; outline-offset: 2px }
    section { width: 280px; padding: 16px; border: 1px solid #c9d1db; border-radius: 10px; background: #fff; box-shadow: 0 4px 16px #0003 }
    p { margin: 0 0 12px } label { display: block; margin: 0 0 8px } input { box-sizing: border-box; width: 100%; font: inherit; padding: 6px 8px; border: 1px solid #7b8794; border-radius: 6px }
    .row { display: flex; gap: 8px; justify-content: flex-end } .quiet { background: #e6eaf0; color: #1b2430 }
    [hidden] { display: none }`);
  root.adoptedStyleSheets = [style];
  root.innerHTML = `
    <button type="button" id="open" aria-expanded="false"></button>
    <section role="dialog" aria-label="" hidden>
      <p role="status" aria-live="polite"></p>
      <form id="ask"><label>Your name <input name="name" maxlength="80" autocomplete="name"></label>
        <label>Telephone or e-mail <input name="contact" maxlength="200" autocomplete="tel"></label></form>
      <div class="row"><button type="button" id="close" class="quiet">Close</button><button id="go" form="ask"></button></div>
    </section>`;
  const $ = (selector) => root.querySelector(selector);
  const [open, section, words, form, close, go] = ["#open", "section", "p", "form", "#close", "#go"].map($);
  open.textContent = label;
  section.setAttribute("aria-label", label);

  // The lead that is open in this tab: {lead_id, token}, and what was heard of it last.
  let lead = JSON.parse(sessionStorage.getItem(place) || "null");
  let status = lead && "waiting";
  let socket;
  let timer;

  const isOpen = () => ["waiting", "assigned", "in_call"].includes(status);
  const say = (text) => {
    words.textContent = text;
    form.hidden = isOpen();
    go.textContent = isOpen() ? "Cancel" : status ? "Ask again" : "Ask for somebody";
  };

  function heard(answer) {
    status = answer.status;
    if (!isOpen()) {
      lead = null;
      sessionStorage.removeItem(place);
      socket?.close();
      clearTimeout(timer);
    }
    const who = answer.agent?.display_name;
    say({
      waiting: `Everybody is busy. You are number ${answer.place} in line.`,
      assigned: `${who} is about to be with you.`,
      in_call: `You are with ${who}.`,
      ended: "Thank you. Goodbye!",
      unavailable: "Nobody is available right now. Please try again later.",
    }[status]);
  }

  async function ask(method, path, body, token) {
    const headers = { "content-type": "application/json" };
    if (token) headers.authorization = `Bearer ${token}`;
    // The same key again is the same lead: sending twice asks once.
    if (method === "POST") headers["idempotency-key"] = (ask.key ||= crypto.randomUUID());
    const answer = await fetch(server + path, { method, headers, body: body && JSON.stringify(body), credentials: "omit" });
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  }

  // Changes come by WebSocket; where that does not get through, by asking.
  function follow() {
    clearTimeout(timer);
    if (!lead) return;
    const path = `/api/leads/${lead.lead_id}`;
    const again = () => {
      if (!lead) return;
      ask("GET", path, null, lead.token).then(heard, (error) => {
        if (["401", "403", "404"].includes(error.message)) heard({ status: "ended" });
      }).finally(() => { if (lead) timer = setTimeout(follow, 3000); });
    };
    try {
      socket = new WebSocket(`${server.replace(/^http/, "ws")}${path}/socket?token=${lead.token}`);
      socket.onmessage = (event) => heard(JSON.parse(event.data));
      socket.onclose = again;
    } catch { again(); }
  }

  open.onclick = () => {
    section.hidden = !section.hidden;
    open.setAttribute("aria-expanded", String(!section.hidden));
    if (!section.hidden) { if (!isOpen()) { status = null; say("Leave a word, and somebody is with you."); } go.focus(); }
  };
  close.onclick = () => { open.click(); open.focus(); };
  root.addEventListener("keydown", (event) => { if (event.key === "Escape" && !section.hidden) close.click(); });
  // Enter in a field clicks its button.
  form.onsubmit = (event) => event.preventDefault();
  go.onclick = async () => {
    go.disabled = true;
    try {
      if (isOpen() && lead) {
        await ask("DELETE", `/api/leads/${lead.lead_id}`, null, lead.token);
        heard({ status: "ended" });
      } else {
        const { name, contact } = Object.fromEntries(new FormData(form));
        const answer = await ask("POST", "/api/leads", { key, pool_id: script.dataset.pool || null, page_url: location.href, name, contact });
        ask.key = null;
        lead = { lead_id: answer.lead_id, token: answer.token };
        sessionStorage.setItem(place, JSON.stringify(lead));
        heard(answer);
        follow();
      }
    } catch {
      say("That did not work. Please try again.");
    } finally {
      go.disabled = false;
    }
  };
  document.body.append(host);
  if (lead) { say("One moment …"); follow(); }
})();

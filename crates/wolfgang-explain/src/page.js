"use strict";
(() => {
  const { words, tokens } = JSON.parse(document.getElementById("data").textContent);
  const panel = document.getElementById("panel");
  const spans = [...document.querySelectorAll("[data-token]")];
  if (spans.length === 0) return;
  const hint = [...panel.childNodes];
  const lang = document.documentElement.lang;
  let focused = null;

  const number = new Intl.NumberFormat(lang, { minimumFractionDigits: 4, maximumFractionDigits: 4 });
  const count = new Intl.NumberFormat(lang);
  const plain = new Intl.NumberFormat(lang, { maximumSignificantDigits: 3 });
  // The same places as beside the text.
  const percent = (p) => {
    const format = (digits, p) => new Intl.NumberFormat(lang, {
      style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits,
    }).format(p);
    if (p < 1 && p >= 0.995) return "> " + format(0, 0.99);
    if (p >= 0.0995 || p === 0) return format(0, p);
    return p >= 0.001 ? format(1, p) : "< " + format(1, 0.001);
  };
  const fine = (p) => p >= 0.001 || p === 0 ? percent(p) : new Intl.NumberFormat(lang, {
    style: "percent", maximumSignificantDigits: 2,
  }).format(p);
  const exp = (logprob) => logprob === null ? 0 : Math.exp(logprob);
  const label = (piece) => piece.bytes
    ? piece.bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ")
    : piece.token.replaceAll("\n", "⏎").replaceAll("\t", "⇥");
  const quoted = (piece) => words.quotes[0] + label(piece) + words.quotes[1];

  // Text goes in as text, never as markup.
  const el = (name, className, ...children) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children);
    return element;
  };
  const piece = (name, one) => {
    const element = el(name, "piece", quoted(one));
    element.lang = "de";
    return element;
  };
  const share = (element, side, value) => {
    element.style[side] = Math.max(0, Math.min(100, 100 * value)) + "%";
    return element;
  };

  const candidates = (token) => {
    const known = token.candidates.some((one) => one.id === token.id);
    const all = known ? token.candidates : [...token.candidates, token];
    const widest = Math.max(...all.flatMap((one) => [exp(one.model), exp(one.sampled)]));
    const rows = all.map((one) => {
      const name = piece("th", one);
      name.scope = "row";
      const why = one.masked_by ? words.masked_by + " " + words.steps[one.masked_by]
        : one.sampled === null ? words.not_likeliest : "";
      if (why) name.append(el("span", "why", why));
      const bars = el("td", "bars",
        share(el("span", "bar"), "width", exp(one.model) / widest),
        share(el("span", "bar"), "width", exp(one.sampled) / widest));
      const row = el("tr", one.id === token.id ? "chosen" : why ? "out" : "", name, bars,
        el("td", "n", percent(exp(one.model))),
        el("td", "n", one.sampled === null ? "–" : percent(exp(one.sampled))));
      if (one.id === token.id) row.setAttribute("aria-current", "true");
      return row;
    });
    const column = (className, ...children) => {
      const cell = el("th", className, ...children);
      cell.scope = "col";
      return cell;
    };
    return el("table", "", el("thead", "", el("tr", "",
      column("", words.token), el("td", ""),
      column("n", el("span", "key"), words.by_model),
      column("n", el("span", "key after"), words.after))), el("tbody", "", ...rows));
  };

  const examples = (changes, tell) => {
    const parts = changes.flatMap((change) => [", ", piece("span", change), " " + tell(change)]);
    return parts.slice(1);
  };

  const steps = (token) => el("ol", "steps", ...token.steps.map((step) => {
    const numbers = step.masked > 0
      ? count.format(step.possible_before) + " → " + count.format(step.possible_after)
      : count.format(step.possible_after);
    const item = el("li", "", el("div", "head", el("span", "", words.steps[step.step]),
      el("span", "n", numbers + " " + words.possible)));
    if (step.random_draw !== undefined) {
      item.append(el("p", "", words.random_draw + " " + number.format(step.random_draw)));
    }
    if (step.masked > 0) {
      item.append(el("p", "", count.format(step.masked) + " " + words.masked
        + " (" + percent(step.masked_mass) + "): ",
      ...examples(step.top_masked, (one) => fine(exp(one.logprob_before)))));
    }
    if (step.changed > 0) {
      item.append(el("p", "", count.format(step.changed) + " " + words.changed + ": ",
        ...examples(step.top_changed,
          (one) => fine(exp(one.logprob_before)) + " → " + fine(exp(one.logprob_after)))));
    }
    if (step.masked + step.changed === 0) item.append(el("p", "", words.unchanged));
    return item;
  }));

  const inverseCdf = (token) => {
    const line = el("div", "line");
    line.setAttribute("aria-hidden", "true");
    for (const one of token.draw.intervals) {
      const width = one.to - one.from;
      const segment = el("span", "share", label(one));
      segment.classList.toggle("narrow", width < 0.12);
      segment.classList.toggle("chosen", one.id === token.id);
      line.append(share(share(segment, "left", one.from), "width", width));
    }
    line.append(share(el("span", "u"), "left", token.draw.u));
    const own = token.draw.intervals.find((one) => one.id === token.id);
    const ends = el("div", "ends", el("span", "", "0"), el("span", "", "1"));
    ends.setAttribute("aria-hidden", "true");
    const said = words.inverse_cdf.replace("{u}", number.format(token.draw.u))
      .replace("{from}", number.format(own.from)).replace("{to}", number.format(own.to))
      .replace("{token}", () => quoted(token));
    return [line, ends, el("p", "said", said)];
  };

  const exponentialRace = (token) => {
    const largest = token.draw.contenders[0].quotient;
    const rows = token.draw.contenders.map((one) => {
      const name = piece("th", one);
      name.scope = "row";
      return el("tr", one.id === token.id ? "chosen" : "", name,
        el("td", "bars", share(el("span", "bar"), "width", one.quotient / largest)),
        el("td", "n", plain.format(one.quotient)));
    });
    return [el("p", "said", words.exponential_race), el("table", "", el("tbody", "", ...rows))];
  };

  const draws = {
    greedy: () => [el("p", "said", words.greedy)],
    inverse_cdf: inverseCdf,
    exponential_race: exponentialRace,
  };

  // Short enough to be read out; the rest is there to be visited.
  const live = el("div", "");
  live.setAttribute("aria-live", "polite");
  live.setAttribute("aria-atomic", "true");

  const show = (at) => {
    spans.forEach((span, i) => span.setAttribute("aria-selected", String(i === at)));
    if (at === null) {
      panel.replaceChildren(...hint);
      return;
    }
    const token = tokens[at];
    const title = el("h2", "", quoted(token));
    title.lang = "de";
    live.replaceChildren(title, el("p", "sum",
      words.by_model + " ", el("b", "", percent(exp(token.model))), ", " + words.rank + " ",
      el("b", "", count.format(token.rank)), " · " + words.sampled + " ",
      el("b", "", percent(exp(token.sampled)))));
    if (token.ends) live.append(el("p", "sum", words.ends));
    panel.replaceChildren(live,
      el("h3", "", words.candidates), candidates(token),
      el("h3", "", words.steps_title), steps(token),
      el("h3", "", words.draw), ...draws[token.draw.kind](token));
    panel.scrollTop = 0;
  };

  const focus = (at) => spans[Math.max(0, Math.min(spans.length - 1, at))].focus();

  // The token of the next line, up or down, that stands nearest.
  const vertical = (at, direction) => {
    const place = (i) => spans[i].getClientRects()[0];
    const here = place(at);
    let best = at;
    for (let i = at + direction; i >= 0 && i < spans.length; i += direction) {
      const there = place(i);
      if (!there || Math.abs(there.top - here.top) < here.height / 2) continue;
      if (best !== at && Math.abs(there.top - place(best).top) > here.height / 2) break;
      const far = (rect) => Math.abs(rect.left - here.left);
      if (best === at || far(there) < far(place(best))) best = i;
    }
    return best;
  };

  const keys = {
    ArrowRight: (at) => at + 1,
    ArrowLeft: (at) => at - 1,
    ArrowDown: (at) => vertical(at, 1),
    ArrowUp: (at) => vertical(at, -1),
    Home: () => 0,
    End: () => spans.length - 1,
  };

  const list = document.getElementById("tokens");
  const of = (event) => {
    const span = event.target.closest("[data-token]");
    return span ? spans.indexOf(span) : null;
  };
  list.addEventListener("focusin", (event) => {
    focused = of(event);
    spans.forEach((span, i) => { span.tabIndex = i === focused ? 0 : -1; });
    show(focused);
  });
  list.addEventListener("keydown", (event) => {
    const at = of(event);
    if (at === null || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") {
      focused = null;
      spans[at].blur();
      show(null);
    } else if (keys[event.key]) {
      event.preventDefault();
      focus(keys[event.key](at));
    }
  });
  list.addEventListener("pointerover", (event) => {
    const at = of(event);
    if (at !== null && event.pointerType === "mouse") show(at);
  });
  list.addEventListener("pointerleave", () => { if (focused !== null) show(focused); });

  // The panel says it better.
  spans.forEach((span) => span.removeAttribute("title"));
  addEventListener("beforeprint", () => { document.getElementById("all").open = true; });
})();

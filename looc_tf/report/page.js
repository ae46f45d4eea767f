// What a page does: its tables sort, and its explorer shows neighbors. It asks for no other file, and whatever comes
// from a data set is put in as text, never as markup. Controls are the browser's own, so that all of them work by
// mouse, by keyboard and for a screen reader as everywhere else.
(() => {
  "use strict";

  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };

  // ---- tables ------------------------------------------------------------------------------------------------------

  const value = (row, column, numeric) => {
    const text = row.cells[column].textContent.trim();
    // "58.9 ± 3.7 (61.1)" counts as 58.9, "1,200" as 1200; a dash, which is no number, stays last
    return numeric ? parseFloat(text.replace(/^\u2212/, "-").replace(/,/g, "")) : text;
  };

  const compare = (numeric, sign) => (a, b) => {
    if (!numeric) return sign * a.localeCompare(b, undefined, {numeric: true});
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return sign * (a - b);
  };

  // One press sorts, the next one turns the order round, the third gives back the order that the rows came in.
  const sortable = table => {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...body.rows];
    const press = (head, column) => {
      const numeric = head.classList.contains("number");
      const orders = numeric ? ["none", "descending", "ascending"] : ["none", "ascending", "descending"];
      const order = orders[(orders.indexOf(head.ariaSort) + 1) % orders.length];
      for (const each of heads) each.ariaSort = each === head ? order : "none";
      const by = compare(numeric, order === "ascending" ? 1 : -1);
      const sorted = (a, b) => by(value(a, column, numeric), value(b, column, numeric));
      body.append(...(order === "none" ? rows : [...rows].sort(sorted)));
    };
    heads.forEach((head, column) => {
      
      const button = make("button", {type: "button"}, ...head.childNodes);
      button.addEventListener("click", () => press(head, column));
      head.append(button);
      head.ariaSort = "none";
    });
  };

  // ---- explorer ----------------------------------------------------------------------------------------------------

  const PAGE = 20; // queries that are offered at a time

  const explorer = root => {
    const data = JSON.parse(document.getElementById("neighbors").textContent);
    const part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map(each => [each.dataset.part, each]));
    const columns = Math.ceil(Math.sqrt(data.count));
    const last = data.fields.length - 1; // the turn, which only the turned pictures have
    const main = data.fields[0];
    const state = {query: 0, start: 0, turned: false, among: -1, frame: 0};
    const shown = new Set(data.representations.filter(each => each.shown));

    const fields = () => data.fields.filter(field => state.turned || !field.turned);
    const name = (field, picture) => field.classes[field.of[picture]] ?? "";
    const names = picture => fields().map(field => name(field, picture)).filter(Boolean).join(", ");
    const shares = (field, picture) => field.of[picture] >= 0 && field.of[picture] === field.of[state.query];
    const candidates = () =>
      [...Array(data.count).keys()].filter(picture => state.among < 0 || main.of[picture] === state.among);

    const tile = picture => {
      const node = make("span", {className: "tile"});
      node.style.setProperty("--x", picture % columns);
      node.style.setProperty("--y", Math.floor(picture / columns));
      node.style.setProperty("--turn", state.turned ? data.fields[last].of[picture] : 0);
      return node;
    };

    const drawPictures = () => {
      const all = candidates();
      const some = all.slice(state.start, state.start + PAGE);
      part.pictures.replaceChildren(...some.map(picture => {
        const radio = make("input", {type: "radio", name: "query", value: picture, checked: picture === state.query});
        radio.ariaLabel = `picture ${picture + 1}: ${names(picture)}`;
        radio.addEventListener("change", () => choose(picture, url => location.replace(url)));
        return make("label", {title: names(picture)}, radio, tile(picture));
      }));
      part.page.textContent = `${state.start + 1}–${state.start + some.length} of ${all.length.toLocaleString("en")}`;
      part.earlier.disabled = state.start === 0;
      part.later.disabled = state.start + PAGE >= all.length;
    };

    const neighbor = picture => {
      const labels = fields().filter(field => name(field, picture)).map(field => {
        const own = shares(field, picture);
        return make("span", {className: own ? "of same" : "of", title: `${field.name}: ${name(field, picture)}`},
          own ? "✓ " : "", name(field, picture));
      });
      const framed = shares(data.fields[state.frame], picture);
      const node = make("button", {type: "button", className: framed ? "neighbor same" : "neighbor"}, tile(picture), ...labels);
      const common = fields().filter(field => shares(field, picture)).map(field => field.name);
      node.ariaLabel = `${names(picture) || `picture ${picture + 1}`}; same ${common.join(", ") || "nothing"}; make it the query`;
      node.addEventListener("click", () => {
        choose(picture, url => location.assign(url));
        part.query.focus(); // the button is gone, and the keyboard goes on from the query
      });
      return make("li", {}, node);
    };

    const drawFound = () => {
      const told = fields().filter(field => name(field, state.query)).map(field => `${field.name} ${name(field, state.query)}`);
      const text = make("p", {}, make("strong", {}, `Query: picture ${state.query + 1}`), make("br"),
        make("span", {className: "soft"}, told.join(", ")));
      part.query.replaceChildren(tile(state.query), text);
      part.panels.replaceChildren(...data.representations.filter(each => shown.has(each)).map(each => {
        const start = state.query * data.neighbors;
        const row = each.nearest[Number(state.turned)].slice(start, start + data.neighbors);
        const counts = fields().filter(field => name(field, state.query)).map(field =>
          `same ${field.name} ${row.filter(picture => shares(field, picture)).length} of ${row.length}`);
        const panel = make("div", {className: "panel"}, make("h3", {}, each.name),
          make("p", {className: "soft"}, counts.join(" · ")), make("ol", {className: "tiles"}, ...row.map(neighbor)));
        panel.role = "group";
        panel.ariaLabel = each.name;
        return panel;
      }));
      if (!shown.size) part.panels.append(make("p", {className: "soft"}, "Choose a representation."));
    };

    // The query stands in the address behind #, so that the browser's own "back" leads from neighbor to neighbor.
    const choose = (picture, go) => {
      state.query = picture;
      if (state.among >= 0 && main.of[picture] !== state.among) {
        state.among = -1;
        part.among.value = "-1";
      }
      const place = candidates().indexOf(picture);
      const start = place - (place % PAGE);
      if (start !== state.start || !part.pictures.querySelector(`[value="${picture}"]`)) {
        state.start = start;
        drawPictures();
      }
      part.pictures.querySelector(`[value="${picture}"]`).checked = true;
      drawFound();
      if (go) go(`#picture-${picture + 1}`);
    };

    const addressed = () => {
      const number = Number((/^#picture-(\d+)$/.exec(location.hash) ?? [0, 1])[1]) - 1;
      return number >= 0 && number < data.count ? number : 0;
    };

    const drawFrames = () => {
      if (state.frame === last && !state.turned) state.frame = 0;
      part.frame.replaceChildren(...fields().map(field => new Option(field.name, data.fields.indexOf(field))));
      part.frame.value = String(state.frame);
      part.frame.disabled = fields().length < 2;
    };

    const drawChoices = () => {
      part.choices.replaceChildren(...data.representations.map(each => {
        const box = make("input", {type: "checkbox", checked: shown.has(each)});
        box.addEventListener("change", () => {
          shown[box.checked ? "add" : "delete"](each);
          drawFound();
        });
        return make("label", {}, box, each.name);
      }));
    };

    const drawAmong = () => {
      const kinds = main.turned ? [] : [...new Set(main.of)].filter(kind => kind >= 0).sort((a, b) => a - b);
      part.among.replaceChildren(new Option("all", -1), ...kinds.map(kind => new Option(main.classes[kind], kind)));
      part.among.disabled = kinds.length < 2;
    };

    const turnPage = by => {
      state.start += by * PAGE;
      drawPictures();
      const pressed = by < 0 ? part.earlier : part.later;
      if (pressed.disabled) (by < 0 ? part.later : part.earlier).focus(); // else the keyboard would lose its place
    };

    part.turned.addEventListener("change", () => {
      state.turned = part.turned.value === "1";
      drawFrames();
      drawPictures();
      drawFound();
    });
    part.among.addEventListener("change", () => {
      state.among = Number(part.among.value);
      state.start = 0;
      drawPictures();
      choose(candidates()[0], url => location.replace(url));
    });
    part.frame.addEventListener("change", () => {
      state.frame = Number(part.frame.value);
      drawFound();
    });
    part.earlier.addEventListener("click", () => turnPage(-1));
    part.later.addEventListener("click", () => turnPage(1));
    addEventListener("hashchange", () => {
      if (addressed() !== state.query) choose(addressed());
    });

    root.hidden = false;
    part.turned.value = "0"; // a browser may keep what was chosen before the page was loaded anew
    drawAmong();
    drawFrames();
    drawChoices();
    choose(addressed());
  };

  document.querySelectorAll("table.sortable").forEach(sortable);
  const root = document.getElementById("explorer");
  if (root) explorer(root);
})();

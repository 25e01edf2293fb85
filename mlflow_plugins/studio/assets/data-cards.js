// A card for each column of a profile: its distribution and everything that was counted.
window.studioData = window.studioData || {};
{
  const { make, short } = studioData;
  const AT_ONCE = 24;

  studioData.whole = (value) => value === null || value === undefined ? "-" : typeof value !== "number" ? String(value)
    : Number.isInteger(value) ? value.toLocaleString("en", { maximumFractionDigits: 0 })
      : Math.abs(value) < 1e-4 || Math.abs(value) >= 1e12 ? value.toExponential(3) : value.toLocaleString("en", { maximumSignificantDigits: 5 });
  const { whole } = studioData;

  studioData.bars = (counts, titleOf = (place) => whole(counts[place])) => {
    const box = make("span", "studio-bars"), most = Math.max(...counts, 1);
    counts.forEach((count, place) => {
      const bar = make("i");
      bar.style.height = `${Math.max(count ? 4 : 0, 100 * count / most)}%`;
      bar.title = titleOf(place);
      box.append(bar);
    });
    return box;
  };

  const pairs = (entries) => {
    const list = make("dl", "studio-pairs");
    for (const [name, value] of entries) {
      if (value === null || value === undefined) continue;
      const line = make("div");
      line.append(make("dt", "", name), make("dd", "", whole(value)));
      list.append(line);
    }
    return list;
  };

  const shares = (values, total) => {
    const list = make("ol", "studio-shares");
    for (const { value, count } of values) {
      const line = make("li"), bar = make("i"), name = make("span", "", value === "" ? "(empty)" : value);
      name.title = value;
      bar.style.width = `${100 * count / Math.max(1, total)}%`;
      line.append(bar, name, make("b", "", `${whole(count)} · ${studioData.percent(count / Math.max(1, total))}`));
      list.append(line);
    }
    return list;
  };

  const cardOf = (column) => {
    const card = make("section", "studio-card studio-column-card"), head = make("header"), name = make("h3", "", column.name);
    name.title = column.name;
    head.append(name, make("span", "studio-tag", column.type));
    card.append(head);
    for (const { kind, reason } of column.noted) card.append(make("p", "noted", `${studioData.KINDS[kind] || kind}: ${reason}`));
    if (column.histogram) {
      const { edges, counts } = column.histogram;
      card.append(studioData.bars(counts, (place) => `${short(edges[place])} to ${short(edges[place + 1])}: ${whole(counts[place])}`));
      const ends = make("p", "ends");
      ends.append(make("span", "", short(column.minimum)), make("span", "", short(column.maximum)));
      card.append(ends);
    }
    card.append(pairs([["Missing", `${whole(column.n_missing)} (${studioData.percent(column.count ? column.n_missing / column.count : 0)})`],
      ["Distinct", column.n_distinct], ["Mean", column.numbers?.mean], ["Standard deviation", column.numbers?.std],
      ["Length", column.texts && `${whole(column.texts.min_length)} to ${whole(column.texts.max_length)}, mean ${whole(column.texts.mean_length)}`],
      ["First in order", column.histogram ? null : column.minimum], ["Last in order", column.histogram ? null : column.maximum]]));
    const more = make("details");
    more.append(make("summary", "", "All figures"), pairs([
      ...column.quantiles.map(({ q, value }) => [`Quantile ${q}`, value]),
      ["Variance", column.numbers?.variance], ["Skewness", column.numbers?.skewness], ["Kurtosis", column.numbers?.kurtosis],
      ["Zeros", column.numbers?.n_zeros], ["Negative", column.numbers?.n_negative], ["Infinite", column.numbers?.n_infinite],
      ["Outliers beyond 1.5 IQR", column.numbers?.n_outliers], ["Empty texts", column.texts?.n_empty], ["Blank texts", column.texts?.n_blank],
      ["Types", column.type_distribution.map(({ type, count }) => `${type} ${whole(count)}`).join(", ")],
      ["Estimated", column.approximate.join(", ") || null]]));
    if (column.top_values.length && (column.top_values[0].count > 1 || column.n_distinct === 1)) {
      const few = column.histogram ? 3 : 6;
      card.append(make("h4", "studio-small-head", "Most frequent"), shares(column.top_values.slice(0, few), column.count));
      if (column.top_values.length > few) more.append(shares(column.top_values.slice(few), column.count));
    }
    card.append(more);
    return card;
  };

  // A searchable list of cards that grows when asked to.
  studioData.cards = (ask) => {
    const box = make("div", "studio-stack"), tools = make("div", "studio-data-tools"), search = make("input"), total = make("output", "total");
    const list = make("div", "studio-column-cards"), more = make("button", "", "More columns");
    Object.assign(search, { type: "search", placeholder: "Find a column" });
    search.setAttribute("aria-label", "Find a column's card");
    more.type = "button";
    tools.append(search, total);
    const foot = make("div", "studio-data-tools");
    foot.append(more);
    box.append(tools, list, foot);
    let round = 0, timer;
    const load = async (isNew) => {
      const own = isNew ? ++round : round;
      const found = await ask({ search: search.value, offset: isNew ? 0 : list.childElementCount, limit: AT_ONCE });
      if (own !== round || !found.columns) return;
      if (isNew) list.replaceChildren();
      list.append(...found.columns.map(cardOf));
      total.textContent = `${whole(found.n_found)} ${found.n_found === 1 ? "column" : "columns"}`;
      more.hidden = list.childElementCount >= found.n_found;
    };
    const refuse = (error) => { total.textContent = error.message; };
    search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => load(true).catch(refuse), 300); });
    more.addEventListener("click", () => load(false).catch(refuse));
    load(true).catch(refuse);
    return box;
  };
}

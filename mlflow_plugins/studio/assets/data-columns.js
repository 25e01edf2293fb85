// The columns of a table's grid: how each is filtered and shown. The server filters and sorts
// (pages/data/_grid_query.py), so the grid's own comparisons are never used.
window.studioData = window.studioData || {};
{
  const TEXT = ["contains", "equals", "notEqual", "startsWith", "endsWith"];
  const ORDER = ["equals", "notEqual", "lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual", "inRange"];
  const DAYS = ["equals", "lessThan", "greaterThan", "inRange"];
  const EMPTY = ["blank", "notBlank"];
  const always = () => true; // the server filters
  const option = (displayKey, displayName, numberOfInputs) => ({ displayKey, displayName, numberOfInputs, predicate: always });
  const filters = {
    text: ["agTextColumnFilter", [...TEXT, option("in", "Is one of (a, b, \"c, d\")", 1), ...EMPTY]],
    integer: ["agNumberColumnFilter", [...ORDER, ...EMPTY]],
    number: ["agNumberColumnFilter", [...ORDER, ...EMPTY]],
    date: ["agDateColumnFilter", [...DAYS, ...EMPTY]],
    datetime: ["agDateColumnFilter", [...DAYS, ...EMPTY]],
    boolean: ["agTextColumnFilter", ["empty", option("isTrue", "True", 0), option("isFalse", "False", 0), ...EMPTY]],
    other: ["agTextColumnFilter", ["empty", ...EMPTY]],
  };

  // at: place among the columns that sort, and whether it descends.
  studioData.columnDefinition = ({ key, name, type, dtype }, { at: [sortIndex, descends] = [null, null], hide, isPinned, summaries }) => {
    const [filter, filterOptions] = filters[type] || filters.other;
    const isNumber = type === "integer" || type === "number", hasWords = type === "boolean" || !filters[type];
    return {
      colId: key, field: key, headerName: name, hide,
      headerComponentParams: { innerHeaderComponent: studioData.Head, innerHeaderComponentParams: { summaries, type: dtype.toLowerCase() } },
      filter, filterParams: { filterOptions, debounceMs: 500, maxNumConditions: hasWords ? 1 : 2, inRangeInclusive: true, buttons: ["reset"] },
      sort: descends === null ? null : descends ? "desc" : "asc", sortIndex,
      pinned: isPinned ? "left" : null,
      cellClass: isNumber ? "number" : "", cellClassRules: { "no-value": (params) => params.data && params.value === null },
      valueFormatter: (params) => params.value === null ? "null" : params.value === undefined ? "" : String(params.value) + (params.data?.cut?.has(key) ? "…" : ""),
      comparator: () => 0,
    };
  };
}

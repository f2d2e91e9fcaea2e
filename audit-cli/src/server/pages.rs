//! Lists page by page, as WorkOS cuts them (its API description, `before`, `after`, `limit`,
//! `order`).

use serde_json::{Value, json};

use super::refusal::Refusal;

/// What can be listed.
pub(crate) trait Listed {
    /// The id by which a page is continued.
    fn id(&self) -> &str;
    /// The item as it is shown.
    fn json(&self) -> Value;
}

/// The query of a list.
#[derive(Debug, PartialEq)]
pub(crate) struct Query<'a> {
    before: Option<&'a str>,
    after: Option<&'a str>,
    limit: usize,
    order: Order,
}

/// `normal` is descending with `before` and `after` the other way round.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    Normal,
    Desc,
    Asc,
}

impl<'a> Query<'a> {
    /// Reads the parameters; those that a list does not have are ignored.
    pub(crate) fn parse(parameters: &'a [(String, String)]) -> Result<Self, Refusal> {
        let mut query = Query { before: None, after: None, limit: 10, order: Order::Desc };
        for (name, value) in parameters {
            match name.as_str() {
                "before" => query.before = Some(value),
                "after" => query.after = Some(value),
                "limit" => {
                    query.limit = match value.parse() {
                        Ok(limit @ 1..=100) => limit,
                        _ => return Err(wrong("limit", value, "a number from 1 to 100")),
                    };
                }
                "order" => {
                    query.order = match value.as_str() {
                        "normal" => Order::Normal,
                        "desc" => Order::Desc,
                        "asc" => Order::Asc,
                        _ => return Err(wrong("order", value, "asc, desc or normal")),
                    };
                }
                _ => {}
            }
        }
        if query.before.is_some() && query.after.is_some() {
            return Err(Refusal::message(422, "Give `before` or `after`, not both."));
        }
        if query.order == Order::Normal {
            std::mem::swap(&mut query.before, &mut query.after);
        }
        Ok(query)
    }
}

fn wrong(name: &str, value: &str, expected: &str) -> Refusal {
    let value: String = value.chars().take(60).collect();
    Refusal::message(422, format!("`{name}` is '{value}'; it must be {expected}."))
}

/// The page of the items, which come oldest first.
pub(crate) fn page<T: Listed>(mut items: Vec<T>, query: &Query<'_>) -> Result<Value, Refusal> {
    if query.order != Order::Asc {
        items.reverse();
    }
    let place = |cursor: &str| {
        let found = items.iter().position(|item| item.id() == cursor);
        found.ok_or_else(|| Refusal::message(422, format!("There is no object '{cursor}' in this list.")))
    };
    let (start, end) = match (query.before, query.after) {
        (None, None) => (0, query.limit.min(items.len())),
        (_, Some(after)) => {
            let start = place(after)? + 1;
            (start, (start + query.limit).min(items.len()))
        }
        (Some(before), None) => {
            let end = place(before)?;
            (end.saturating_sub(query.limit), end)
        }
    };
    let shown = &items[start..end];
    let first = shown.first().filter(|_| start > 0).map(Listed::id);
    let last = shown.last().filter(|_| end < items.len()).map(Listed::id);
    let (before, after) = if query.order == Order::Normal { (last, first) } else { (first, last) };
    Ok(json!({
        "object": "list",
        "data": shown.iter().map(Listed::json).collect::<Vec<_>>(),
        "list_metadata": { "before": before, "after": after },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Listed for &str {
        fn id(&self) -> &str {
            self
        }

        fn json(&self) -> Value {
            json!(self)
        }
    }

    const ITEMS: [&str; 5] = ["a", "b", "c", "d", "e"];

    fn list(query: &str) -> (Vec<Value>, Value, Value) {
        let parameters: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let page = page(ITEMS.to_vec(), &Query::parse(&parameters).unwrap()).unwrap();
        (
            page["data"].as_array().unwrap().clone(),
            page["list_metadata"]["before"].clone(),
            page["list_metadata"]["after"].clone(),
        )
    }

    #[test]
    fn newest_first_page_by_page_and_back() {
        assert_eq!(list("limit=2"), (vec![json!("e"), json!("d")], Value::Null, json!("d")));
        assert_eq!(list("limit=2&after=d"), (vec![json!("c"), json!("b")], json!("c"), json!("b")));
        assert_eq!(list("limit=2&after=b"), (vec![json!("a")], json!("a"), Value::Null));
        assert_eq!(list("limit=2&before=a"), (vec![json!("c"), json!("b")], json!("c"), json!("b")));
        assert_eq!(list("").0.len(), 5);
    }

    #[test]
    fn ascending_and_normal() {
        assert_eq!(list("limit=2&order=asc"), (vec![json!("a"), json!("b")], Value::Null, json!("b")));
        assert_eq!(list("limit=2&order=normal"), (vec![json!("e"), json!("d")], json!("d"), Value::Null));
        assert_eq!(list("limit=2&order=normal&before=d").0, [json!("c"), json!("b")]);
    }

    #[test]
    fn what_is_wrong_is_422() {
        for (name, value) in [("limit", "0"), ("limit", "101"), ("limit", "x"), ("order", "up")] {
            let parameters = [(name.to_owned(), value.to_owned())];
            assert_eq!(Query::parse(&parameters).unwrap_err().status, 422);
        }
        let parameters = [("after".to_owned(), "z".to_owned())];
        let query = Query::parse(&parameters).unwrap();
        assert_eq!(page(ITEMS.to_vec(), &query).unwrap_err().status, 422);
    }
}

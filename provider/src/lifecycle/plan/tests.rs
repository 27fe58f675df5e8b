//! Plans against Terraform's own rules: `terraform` below merges configuration and state as Terraform does.

use proptest::prelude::*;

use super::terraform::proposed_new_state;
use super::{Plan, PlanRequest, blank, plan};
use crate::lifecycle::check::{check_applied, check_plan};
use crate::wire::{Attribute, Kind, Nesting, Path, Schema, Stability, Type, Value};

fn schema() -> Schema {
    let row = || {
        vec![
            Attribute::string("name").required(),
            Attribute::string("url"),
            Attribute::string("zone").default("UTC"),
            Attribute::string("row_id").computed(Stability::Stable),
            Attribute::string("row_etag").computed(Stability::Volatile),
        ]
    };
    let keyed = Attribute { kind: Kind::Nested(Nesting::Map, row()), ..Attribute::string("keyed") };
    let attributes = vec![
        Attribute::string("name").required().requires_replace(),
        Attribute::string("comment"),
        Attribute::bool("paused").default(false),
        Attribute::plain("options", Type::map(Type::String)),
        Attribute::object(
            "retry",
            vec![Attribute::number("attempts").default(3u64), Attribute::string("note")],
        )
        .default_nested(),
        Attribute::object(
            "side",
            vec![Attribute::string("region").required().requires_replace(), Attribute::string("root")],
        ),
        Attribute::objects("rows", row()),
        keyed,
        Attribute::string("id").computed(Stability::Stable),
        Attribute::number("generation").computed(Stability::Volatile),
    ];
    Schema { version: 0, description: "", attributes }
}

fn object(attributes: &[(&str, Value)]) -> Value {
    let mut object = blank(&schema());
    attributes.iter().for_each(|(name, value)| object.set_attribute(name, value.clone()));
    object
}

fn row(name: &str) -> Value {
    Value::object([
        ("name", name.into()),
        ("url", Value::Null),
        ("zone", Value::Null),
        ("row_id", Value::Null),
        ("row_etag", Value::Null),
    ])
}

/// Plans as Terraform would ask for it, and holds the answer against its rules.
fn planned(prior: &Value, config: &Value) -> Plan {
    let schema = schema();
    let proposed = proposed_new_state(&schema, prior, config);
    let request = PlanRequest { prior, proposed: &proposed, config, rewrite: false };
    let answer = plan(&schema, request);
    assert_eq!(check_plan(&schema, prior, config, &answer.planned), Ok(()), "{prior:?}\n{config:?}");
    assert_eq!(plan(&schema, request), answer, "planning is deterministic");
    answer
}

/// What an apply makes of a plan: every unknown value becomes known.
fn applied(planned: &Value) -> Value {
    let all = |items: &[Value]| items.iter().map(applied).collect();
    match planned {
        Value::Unknown(_) => "made by apply".into(),
        Value::List(items) => Value::List(all(items)),
        Value::Map(entries) => Value::Map(entries.iter().map(|(k, v)| (k.clone(), applied(v))).collect()),
        Value::Object(attributes) => Value::object(attributes.iter().map(|(k, v)| (k.clone(), applied(v)))),
        other => other.clone(),
    }
}

fn unknown_in(plan: &Plan) -> Vec<String> {
    plan.planned.unknown_paths().iter().map(ToString::to_string).collect()
}

#[test]
fn creating_makes_all_computed_values_unknown_and_fills_defaults() {
    let answer =
        planned(&Value::Null, &object(&[("name", "a".into()), ("rows", Value::List(vec![row("r")]))]));
    assert_eq!(unknown_in(&answer), ["generation", "id", "rows[0].row_etag", "rows[0].row_id"]);
    assert_eq!(answer.planned.attribute("paused"), &Value::Bool(false));
    assert_eq!(answer.planned.attribute("retry").attribute("attempts"), &Value::from(3u64));
    assert_eq!(answer.requires_replace, []);
}

#[test]
fn nothing_is_planned_when_nothing_changes() {
    let config = object(&[("name", "a".into()), ("rows", Value::List(vec![row("r")]))]);
    let state = applied(&planned(&Value::Null, &config).planned);
    assert_eq!(planned(&state, &config), Plan { planned: state, requires_replace: vec![] });
}

#[test]
fn an_update_keeps_stable_values_and_forgets_volatile_ones() {
    let before = object(&[("name", "a".into()), ("rows", Value::List(vec![row("r")]))]);
    let state = applied(&planned(&Value::Null, &before).planned);
    let after = object(&[("name", "a".into()), ("rows", Value::List(vec![row("r"), row("new")]))]);
    let answer = planned(&state, &after);
    assert_eq!(
        unknown_in(&answer),
        ["generation", "rows[0].row_etag", "rows[1].row_etag", "rows[1].row_id"],
        "the id of a row that did not exist is not kept as null"
    );
    assert_eq!(answer.requires_replace, []);
}

#[test]
fn removing_an_optional_attribute_brings_its_default_back() {
    let retry = Value::object([("attempts", 9u64.into()), ("note", "x".into())]);
    let before =
        object(&[("name", "a".into()), ("comment", "c".into()), ("paused", true.into()), ("retry", retry)]);
    let state = applied(&planned(&Value::Null, &before).planned);
    let answer = planned(&state, &object(&[("name", "a".into())]));
    assert_eq!(answer.planned.attribute("comment"), &Value::Null);
    assert_eq!(answer.planned.attribute("paused"), &Value::Bool(false));
    let default = Value::object([("attempts", 3u64.into()), ("note", Value::Null)]);
    assert_eq!(answer.planned.attribute("retry"), &default);
    assert_eq!(unknown_in(&answer), ["generation"]);
}

#[test]
fn replacing_forgets_everything_and_names_what_forces_it() {
    let side = |region: &str| Value::object([("region", region.into()), ("root", Value::Null)]);
    let state =
        applied(&planned(&Value::Null, &object(&[("name", "a".into()), ("side", side("e"))])).planned);
    let answer = planned(&state, &object(&[("name", "b".into()), ("side", side("w"))]));
    let paths: Vec<String> = answer.requires_replace.iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["name", "side.region"]);
    assert_eq!(unknown_in(&answer), ["generation", "id"]);
    // a value that is not known yet may turn out to be another one
    let unknown = planned(&state, &object(&[("name", Value::unknown()), ("side", side("e"))]));
    assert_eq!(unknown.requires_replace, [Path::attribute("name")]);
}

#[test]
fn a_damaged_document_is_written_again_although_nothing_else_changes() {
    let config = object(&[("name", "a".into())]);
    let state = applied(&planned(&Value::Null, &config).planned);
    let proposed = proposed_new_state(&schema(), &state, &config);
    let request = PlanRequest { prior: &state, proposed: &proposed, config: &config, rewrite: true };
    let answer = plan(&schema(), request);
    assert_eq!(unknown_in(&answer), ["generation"]);
    assert_eq!(check_plan(&schema(), &state, &config, &answer.planned), Ok(()));
}

#[test]
fn destroying_plans_null() {
    let state = applied(&planned(&Value::Null, &object(&[("name", "a".into())])).planned);
    assert_eq!(planned(&state, &Value::Null), Plan { planned: Value::Null, requires_replace: vec![] });
}

#[test]
fn null_empty_and_absent_collections_stay_apart() {
    for rows in [Value::Null, Value::List(vec![])] {
        for options in [Value::Null, Value::Map([].into())] {
            let config =
                object(&[("name", "a".into()), ("rows", rows.clone()), ("options", options.clone())]);
            let answer = planned(&Value::Null, &config);
            assert_eq!(
                (answer.planned.attribute("rows"), answer.planned.attribute("options")),
                (&rows, &options)
            );
        }
    }
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => "[abc]".prop_map(Value::string),
        2 => Just(Value::Null),
        1 => Just(Value::unknown()),
    ]
}

fn any_row() -> impl Strategy<Value = Value> {
    (text(), text(), text()).prop_map(|(name, url, zone)| {
        let mut row = row("");
        row.set_attribute("name", if name.is_null() { "n".into() } else { name });
        row.set_attribute("url", url);
        row.set_attribute("zone", zone);
        row
    })
}

fn any_config() -> impl Strategy<Value = Value> {
    let or_null = |some: BoxedStrategy<Value>| prop_oneof![3 => some, 1 => Just(Value::Null), 1 => Just(Value::unknown())];
    let retry = (text(), text()).prop_map(|(attempts, note)| {
        let attempts = if attempts.as_str().is_some() { 7u64.into() } else { attempts };
        Value::object([("attempts", attempts), ("note", note)])
    });
    let side = (text(), text()).prop_map(|(region, root)| {
        Value::object([("region", if region.is_null() { "e".into() } else { region }), ("root", root)])
    });
    let rows = prop::collection::vec(any_row(), 0..3).prop_map(Value::List);
    let keyed = prop::collection::btree_map("[ab]", any_row(), 0..3).prop_map(Value::Map);
    let options = prop::collection::btree_map("[ab]", text(), 0..3).prop_map(Value::Map);
    (
        "[ab]",
        text(),
        or_null(retry.boxed()),
        or_null(side.boxed()),
        or_null(rows.boxed()),
        or_null(keyed.boxed()),
        or_null(options.boxed()),
    )
        .prop_map(|(name, comment, retry, side, rows, keyed, options)| {
            object(&[
                ("name", name.into()),
                ("comment", comment),
                ("retry", retry),
                ("side", side),
                ("rows", rows),
                ("keyed", keyed),
                ("options", options),
            ])
        })
}

/// The configuration during apply: everything that was unknown has become known.
fn resolved(config: &Value) -> Value {
    match config {
        Value::Unknown(_) => Value::Null,
        Value::List(items) => Value::List(items.iter().map(resolved).collect()),
        Value::Map(entries) => Value::Map(entries.iter().map(|(k, v)| (k.clone(), resolved(v))).collect()),
        Value::Object(attributes) => Value::object(attributes.iter().map(|(k, v)| (k.clone(), resolved(v)))),
        other => other.clone(),
    }
}

proptest! {
    /// Create, plan again, update, plan again, for any two configurations: each plan keeps Terraform's rules, each
    /// apply can keep its plan, and after an apply nothing is left to do.
    #[test]
    fn any_change_settles(first in any_config(), second in any_config()) {
        planned(&Value::Null, &first);
        let (first, second) = (resolved(&first), resolved(&second));
        let mut state = Value::Null;
        for config in [&first, &second, &second, &first] {
            let answer = planned(&state, config);
            let result = applied(&answer.planned);
            prop_assert_eq!(check_applied(&answer.planned, &result), Ok(()));
            state = result;
            let again = planned(&state, config);
            prop_assert_eq!(&again.planned, &state);
            prop_assert!(again.requires_replace.is_empty());
        }
    }

    /// Updates with values that are still unknown keep Terraform's rules as well.
    #[test]
    fn unknown_configuration_is_planned_by_the_rules(first in any_config(), second in any_config()) {
        let state = applied(&planned(&Value::Null, &resolved(&first)).planned);
        planned(&state, &second);
    }
}

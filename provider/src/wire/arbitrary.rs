//! Random types with values of them, for round-trip tests.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Number, Type, Unknown, Value};

/// A type, and a value of exactly that type with nulls and unknowns in it.
pub(crate) fn typed_value() -> impl Strategy<Value = (Type, Value)> {
    any_type().prop_flat_map(|ty| {
        let value = value_of(&ty);
        (Just(ty), value)
    })
}

/// Like [`typed_value`], without unknown values: everything that can be in a state.
pub(crate) fn typed_known_value() -> impl Strategy<Value = (Type, Value)> {
    typed_value().prop_filter("wholly known", |(_, value)| value.is_wholly_known())
}

fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![Just(Type::String), Just(Type::Number), Just(Type::Bool), Just(Type::Dynamic)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            prop::collection::btree_map("[a-z]{1,3}", inner.clone(), 0..3).prop_map(Type::Object),
            prop::collection::vec(inner, 0..3).prop_map(Type::Tuple),
        ]
    })
}

fn value_of(ty: &Type) -> BoxedStrategy<Value> {
    let known = match ty {
        Type::String => any::<String>().prop_map(Value::string).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => number().prop_map(Value::Number).boxed(),
        Type::Dynamic => dynamic(),
        Type::List(ty) => prop::collection::vec(value_of(ty), 0..3).prop_map(Value::List).boxed(),
        Type::Set(ty) => prop::collection::vec(value_of(ty), 0..3).prop_map(Value::Set).boxed(),
        Type::Map(ty) => prop::collection::btree_map("[a-zA-Z0-9/ é]{0,4}", value_of(ty), 0..3)
            .prop_map(Value::Map)
            .boxed(),
        Type::Object(types) => attributes(types).prop_map(Value::Object).boxed(),
        Type::Tuple(types) => types.iter().map(value_of).collect::<Vec<_>>().prop_map(Value::Tuple).boxed(),
    };
    prop_oneof![
        8 => known,
        1 => Just(Value::Null),
        1 => prop_oneof![
            Just(Unknown::plain()),
            prop::collection::vec(any::<u8>(), 2..20).prop_map(Unknown::refined),
        ].prop_map(Value::Unknown),
    ]
    .boxed()
}

fn attributes(types: &BTreeMap<String, Type>) -> BoxedStrategy<BTreeMap<String, Value>> {
    let values: Vec<_> = types.iter().map(|(name, ty)| (Just(name.clone()), value_of(ty))).collect();
    values.prop_map(|pairs| pairs.into_iter().collect()).boxed()
}

fn dynamic() -> BoxedStrategy<Value> {
    prop_oneof![
        any::<bool>().prop_map(|value| (Type::Bool, Value::Bool(value))),
        number().prop_map(|value| (Type::Number, Value::Number(value))),
        any::<String>().prop_map(|text| (Type::list(Type::String), Value::List(vec![Value::string(text)]))),
    ]
    .prop_map(|typed| Value::Dynamic(Box::new(typed)))
    .boxed()
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("finite", Number::from_f64),
        "-?[0-9]{1,40}(\\.[0-9]{1,30})?(e-?[0-9]{1,2})?".prop_map(|text| text.parse().unwrap()),
    ]
}

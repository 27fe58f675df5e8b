//! Tables of a group that are listed twice, or lie in each other's places.

use std::collections::BTreeMap;

use super::valid_group::{SideName, ValidTable};

/// Two tables of a list that cannot both be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clash<'a> {
    /// The one that stands later in the list.
    pub(super) later: &'a ValidTable,
    /// The one that stands earlier.
    pub(super) earlier: &'a ValidTable,
    /// The side on which they share a place; none when it is one table, listed twice.
    pub(super) side: Option<SideName>,
}

/// The clashes of a list, in its order. Of tables that all lie in one place each clashes with one other, not with all of
/// them, so that the number of clashes, and the time to find them, do not go with the square of the list.
pub(super) fn clashes(tables: &[ValidTable]) -> Vec<Clash<'_>> {
    let mut found = listed_twice(tables);
    for side in SideName::BOTH {
        found.extend(in_one_place(tables, side));
    }
    found.sort_by_key(|clash| (clash.later.position, clash.side.is_some()));
    found
}

fn listed_twice(tables: &[ValidTable]) -> Vec<Clash<'_>> {
    let mut first = BTreeMap::new();
    let mut found = Vec::new();
    for later in tables {
        let earlier = *first.entry(&later.name).or_insert(later);
        if earlier.position != later.position {
            found.push(Clash { later, earlier, side: None });
        }
    }
    found
}

fn in_one_place(tables: &[ValidTable], side: SideName) -> Vec<Clash<'_>> {
    let mut places: Vec<(String, &ValidTable)> =
        tables.iter().filter_map(|table| Some((table.url(side)?.ordered(), table))).collect();
    places.sort_by(|(a, one), (b, other)| (a, one.position).cmp(&(b, other.position)));
    let mut around: Vec<&(String, &ValidTable)> = Vec::new();
    let mut found = Vec::new();
    for place in &places {
        while around.last().is_some_and(|(outer, _)| !place.0.starts_with(outer.as_str())) {
            around.pop();
        }
        if let Some((_, outer)) = around.last().filter(|(_, outer)| outer.name != place.1.name) {
            let (one, other) = (*outer, place.1);
            let (earlier, later) = if one.position < other.position { (one, other) } else { (other, one) };
            found.push(Clash { later, earlier, side: Some(side) });
        }
        around.push(place);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn table((position, (name, url)): (usize, (u8, String))) -> ValidTable {
        ValidTable {
            name: format!("c.s.t{name}").parse().unwrap(),
            position,
            primary: Some(url.parse().unwrap()),
            secondary: None,
            shallow_clone: false,
            allowed_writer_features: BTreeSet::new(),
        }
    }

    proptest! {
        /// Of each table that clashes with others, at least one clash is found, and none that is not there.
        #[test]
        fn clashes_are_those_of_all_pairs(
            given in prop::collection::vec((0_u8..12, "(s3|s3a|gs)://b(/[ab]|/a-b|/a/b){0,3}"), 0..12),
        ) {
            let tables: Vec<ValidTable> = given.into_iter().enumerate().map(table).collect();
            let (mut expected, mut pairs) = (BTreeSet::new(), BTreeSet::new());
            for later in &tables {
                for earlier in &tables[..later.position] {
                    let overlap = later.primary.as_ref().unwrap().overlaps(earlier.primary.as_ref().unwrap());
                    if later.name == earlier.name || overlap {
                        expected.extend([later.position, earlier.position]);
                        pairs.insert((earlier.position, later.position));
                    }
                }
            }
            let found: BTreeSet<(usize, usize)> =
                clashes(&tables).iter().map(|clash| (clash.earlier.position, clash.later.position)).collect();
            prop_assert!(found.is_subset(&pairs), "{found:?} in {pairs:?}");
            let touched: BTreeSet<usize> = found.iter().flat_map(|(a, b)| [*a, *b]).collect();
            prop_assert_eq!(touched, expected);
        }
    }
}

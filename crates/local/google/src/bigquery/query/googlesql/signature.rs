//! Which signature of a function fits the arguments, and which conversions it needs.
//!
//! Semantics: GoogleSQL reference, "Conversion rules".

use super::analyze::{Literal, Typed};
use super::types::Type;

/// The types to which the arguments are converted, and the type of the result.
pub(crate) struct Match {
    pub(crate) args: Vec<Type>,
    pub(crate) result: Type,
    cost: Cost,
}

/// How far the arguments are from a signature. Expressions count more than what is written in the
/// statement: `price * 1.1` is NUMERIC if `price` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    converted: u32,
    distance: u32,
    converted_literals: u32,
    distance_of_literals: u32,
}

/// The best of the signatures. See `functions` for the language they are written in.
pub(crate) fn choose(signatures: &str, args: &[Typed]) -> Option<Match> {
    let mut best: Option<Match> = None;
    for signature in signatures.split('|') {
        if let Some(found) = fit(signature, args)
            && best.as_ref().is_none_or(|best| found.cost < best.cost)
        {
            best = Some(found);
        }
    }
    best
}

#[derive(Default)]
struct Bindings {
    t: Vec<usize>,
    u: Vec<usize>,
}

fn fit(signature: &str, args: &[Typed]) -> Option<Match> {
    let (params, result) = signature.split_once("->")?;
    let params: Vec<&str> = params.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
    // The parameter of each argument.
    let repeated = params.iter().position(|it| it.ends_with("..."));
    let mut assigned = Vec::new();
    for at in 0..args.len() {
        let param = match repeated {
            Some(last) if at >= last => params[last],
            _ => params.get(at)?,
        };
        assigned.push(param.trim_end_matches("...").trim_end_matches('?'));
    }
    let required = params.iter().filter(|it| !it.ends_with('?')).count();
    if args.len() < required {
        return None;
    }
    let mut bindings = Bindings::default();
    for (at, param) in assigned.iter().enumerate() {
        if param.contains('T') && is_template(param, 'T') {
            bindings.t.push(at);
        } else if is_template(param, 'U') {
            bindings.u.push(at);
        }
    }
    let t = bind(&bindings.t, &assigned, args, 'T')?;
    let u = bind(&bindings.u, &assigned, args, 'U')?;
    let resolve = |text: &str| resolve(text, t.as_ref(), u.as_ref());
    let mut cost = Cost::default();
    let mut targets = Vec::new();
    for (arg, param) in args.iter().zip(&assigned) {
        let target = resolve(param)?;
        let distance = arg.coercion(&target)?;
        let converted = u32::from(distance > 0);
        if arg.literal == Literal::No {
            cost.converted += converted;
            cost.distance += distance;
        } else {
            cost.converted_literals += converted;
            cost.distance_of_literals += distance;
        }
        targets.push(target);
    }
    Some(Match { args: targets, result: resolve(result.trim())?, cost })
}

fn is_template(param: &str, letter: char) -> bool {
    let inner = param.strip_prefix("ARRAY<").and_then(|it| it.strip_suffix('>')).unwrap_or(param);
    inner.len() == 1 && inner.starts_with(letter)
}

/// The type of a letter: `None` if the arguments have no common type, `Some(None)` if no argument
/// has the letter.
fn bind(at: &[usize], assigned: &[&str], args: &[Typed], letter: char) -> Option<Option<Type>> {
    let mut candidates = Vec::new();
    for at in at {
        let arg = &args[*at];
        if assigned[*at].starts_with("ARRAY<") {
            if arg.is_null() {
                continue;
            }
            let element = arg.ty.element()?.clone();
            candidates.push(
                Typed { ty: element, expr: arg.expr.clone(), ..arg.clone() }.without_literal(),
            );
        } else {
            candidates.push(arg.clone());
        }
    }
    if candidates.is_empty() {
        return Some((!at.is_empty()).then_some(Type::Int64));
    }
    let _ = letter;
    super::analyze::supertype(&candidates).map(Some)
}

fn resolve(text: &str, t: Option<&Type>, u: Option<&Type>) -> Option<Type> {
    if let Some(inner) = text.strip_prefix("ARRAY<").and_then(|it| it.strip_suffix('>')) {
        return Some(Type::array(resolve(inner, t, u)?));
    }
    match text {
        "T" => t.cloned(),
        "U" => u.cloned(),
        // A part of a date is passed as a text.
        "PART" => Some(Type::String),
        name => Type::named(name),
    }
}

//! Enumerations whose variants have names: one table for the end that writes a name and the end
//! that reads it.

/// An enumeration with `ALL`, `name` and `from_name`.
///
/// `name` cuts a part out of one string. A `match` over strings would become a table of
/// pointers, each of them a relocation in the guest's image.
macro_rules! named {
    (
        $(#[$about:meta])*
        $enum:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $enum { $($(#[$doc])* $variant,)+ }

        impl $enum {
            /// Every one, in the table's order.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Its name on the console and in files.
            pub const fn name(self) -> &'static str {
                const LENGTHS: &[usize] = &[$($name.len()),+];
                let (start, length) = match self {
                    $(Self::$variant => (
                        const { $crate::names::start(LENGTHS, $enum::$variant as usize) },
                        $name.len(),
                    ),)+
                };
                $crate::names::part(concat!($($name),+), start, length)
            }

            /// The variant with that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use named;

/// Where the text of that index begins, if texts of these lengths follow each other.
pub(crate) const fn start(lengths: &[usize], index: usize) -> usize {
    let (mut start, mut before) = (0, 0);
    while before < index {
        start += lengths[before];
        before += 1;
    }
    start
}

/// A part of a text; empty if the text does not have it. (It cannot panic, because panics also
/// leave relocations in the guest's image.)
pub(crate) const fn part(text: &'static str, start: usize, length: usize) -> &'static str {
    let Some((_, rest)) = text.split_at_checked(start) else {
        return "";
    };
    match rest.split_at_checked(length) {
        Some((part, _)) => part,
        None => "",
    }
}

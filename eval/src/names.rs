//! Benchmarks and methods in files, by their names on the console.

pub(crate) mod benchmark {
    use contract::Benchmark;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(b: &Benchmark, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(b.name())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Benchmark, D::Error> {
        let name = String::deserialize(d)?;
        Benchmark::from_name(&name)
            .ok_or_else(|| D::Error::custom(format!("no benchmark is called {name:?}")))
    }
}

pub(crate) mod method {
    use contract::Method;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(m: &Option<Method>, s: S) -> Result<S::Ok, S::Error> {
        m.map(Method::name).serialize(s)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Method>, D::Error> {
        Option::<String>::deserialize(d)?
            .map(|name| {
                Method::from_name(&name)
                    .ok_or_else(|| D::Error::custom(format!("no method is called {name:?}")))
            })
            .transpose()
    }
}

//! A line of JSON. Must never be made without the `type` that programs tell lines apart by.

use std::fmt::{self, Display, Formatter};
use std::ops::Index;

use serde_json::{Map, Value};

/// An object with a `type`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object(Map<String, Value>);

impl Object {
    /// A thing of this type, with these fields; what is no object gives none.
    pub(crate) fn new(kind: &'static str, fields: Value) -> Self {
        let mut object = Self(Map::new());
        object.extend(fields);
        object.0.insert("type".to_owned(), kind.into());
        object
    }

    /// Further fields, but for another `type`.
    pub(crate) fn extend(&mut self, fields: Value) {
        if let Value::Object(fields) = fields {
            self.0.extend(fields.into_iter().filter(|(name, _)| name != "type"));
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

impl Index<&str> for Object {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }
}

impl Display for Object {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_has_its_type_whatever_its_fields_say() {
        for fields in [json!({}), json!({ "type": 3, "n": 1 }), json!([1]), Value::Null] {
            let mut object = Object::new("thing", fields);
            object.extend(json!({ "type": null, "m": 2 }));
            assert_eq!((&object["type"], &object["m"]), (&json!("thing"), &json!(2)));
            let read: Value = serde_json::from_str(&object.to_string()).unwrap();
            assert_eq!(read, Value::from(object));
        }
        assert_eq!(Object::new("thing", json!({ "n": 1 }))["n"], 1);
        assert_eq!(Object::new("thing", Value::Null)["n"], Value::Null);
    }
}

//! A serde value as a tree.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::{EmitError, float};

/// Name of a newtype struct whose string is written as it is, such as a time.
pub const PLAIN: &str = "$ichor_yaml::plain";
/// Name of a newtype struct whose sequence is written as `[1, 2]`.
pub const FLOW: &str = "$ichor_yaml::flow";

#[derive(Debug, PartialEq)]
pub(crate) enum Node {
    /// Written as it is: null, booleans, numbers, times.
    Plain(String),
    Text(String),
    Sequence(Vec<Node>),
    FlowSequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// Makes a [`Node`] of any serde value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Builder;

fn plain(value: impl ToString) -> Result<Node, EmitError> {
    Ok(Node::Plain(value.to_string()))
}

fn tagged(variant: &str, node: Node) -> Node {
    Node::Mapping(vec![(Node::Text(variant.to_owned()), node)])
}

impl Serializer for Builder {
    type Ok = Node;
    type Error = EmitError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    fn serialize_bool(self, value: bool) -> Result<Node, EmitError> {
        plain(value)
    }
    fn serialize_i8(self, value: i8) -> Result<Node, EmitError> {
        plain(value)
    }
    fn serialize_i16(self, value: i16) -> Result<Node, EmitError> {
        plain(value)
    }
    fn serialize_i32(self, value: i32) -> Result<Node, EmitError> {
        plain(value)
    }
    fn serialize_i64(self, value: i64) -> Result<Node, EmitError> {
        plain(value)
    }
    fn serialize_u8(self, value: u8) -> Result<Node, EmitError> {
        plain(value)
    }
    fn serialize_u16(self, value: u16) -> Result<Node, EmitError> {
        plain(value)
    }
    fn serialize_u32(self, value: u32) -> Result<Node, EmitError> {
        plain(value)
    }
    fn serialize_u64(self, value: u64) -> Result<Node, EmitError> {
        plain(value)
    }
    fn serialize_f32(self, value: f32) -> Result<Node, EmitError> {
        self.serialize_f64(value.into())
    }
    fn serialize_f64(self, value: f64) -> Result<Node, EmitError> {
        plain(float::text(value))
    }
    fn serialize_char(self, value: char) -> Result<Node, EmitError> {
        Ok(Node::Text(value.to_string()))
    }
    fn serialize_str(self, value: &str) -> Result<Node, EmitError> {
        Ok(Node::Text(value.to_owned()))
    }
    /// Bytes are a list of numbers, as for every list of small integers.
    fn serialize_bytes(self, value: &[u8]) -> Result<Node, EmitError> {
        let number = |byte: &u8| Node::Plain(byte.to_string());
        Ok(Node::Sequence(value.iter().map(number).collect()))
    }
    fn serialize_none(self) -> Result<Node, EmitError> {
        plain("null")
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, EmitError> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<Node, EmitError> {
        plain("null")
    }
    /// A struct without fields is an empty mapping.
    fn serialize_unit_struct(self, _name: &'static str) -> Result<Node, EmitError> {
        Ok(Node::Mapping(Vec::new()))
    }
    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Node, EmitError> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Node, EmitError> {
        Ok(match (name, value.serialize(self)?) {
            (PLAIN, Node::Text(text)) => Node::Plain(text),
            (FLOW, Node::Sequence(items)) => Node::FlowSequence(items),
            (_, node) => node,
        })
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Node, EmitError> {
        Ok(tagged(variant, value.serialize(self)?))
    }
    fn serialize_seq(self, _len: Option<usize>) -> Result<Items, EmitError> {
        Ok(Items::default())
    }
    fn serialize_tuple(self, _len: usize) -> Result<Items, EmitError> {
        Ok(Items::default())
    }
    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Items, EmitError> {
        Ok(Items::default())
    }
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Items, EmitError> {
        Ok(Items {
            variant: Some(variant),
            ..Items::default()
        })
    }
    fn serialize_map(self, _len: Option<usize>) -> Result<Entries, EmitError> {
        Ok(Entries::default())
    }
    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Entries, EmitError> {
        Ok(Entries::default())
    }
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Entries, EmitError> {
        Ok(Entries {
            variant: Some(variant),
            ..Entries::default()
        })
    }
}

/// A sequence being built.
#[derive(Debug, Default)]
pub(crate) struct Items {
    variant: Option<&'static str>,
    nodes: Vec<Node>,
}

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EmitError> {
        self.nodes.push(value.serialize(Builder)?);
        Ok(())
    }

    fn finish(self) -> Node {
        let node = Node::Sequence(self.nodes);
        match self.variant {
            Some(variant) => tagged(variant, node),
            None => node,
        }
    }
}

impl SerializeSeq for Items {
    type Ok = Node;
    type Error = EmitError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EmitError> {
        self.push(value)
    }
    fn end(self) -> Result<Node, EmitError> {
        Ok(self.finish())
    }
}

impl SerializeTuple for Items {
    type Ok = Node;
    type Error = EmitError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EmitError> {
        self.push(value)
    }
    fn end(self) -> Result<Node, EmitError> {
        Ok(self.finish())
    }
}

impl SerializeTupleStruct for Items {
    type Ok = Node;
    type Error = EmitError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EmitError> {
        self.push(value)
    }
    fn end(self) -> Result<Node, EmitError> {
        Ok(self.finish())
    }
}

impl SerializeTupleVariant for Items {
    type Ok = Node;
    type Error = EmitError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EmitError> {
        self.push(value)
    }
    fn end(self) -> Result<Node, EmitError> {
        Ok(self.finish())
    }
}

/// A mapping being built.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    variant: Option<&'static str>,
    key: Option<Node>,
    nodes: Vec<(Node, Node)>,
}

impl Entries {
    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), EmitError> {
        let value = value.serialize(Builder)?;
        self.nodes.push((Node::Text(key.to_owned()), value));
        Ok(())
    }

    fn finish(self) -> Node {
        let node = Node::Mapping(self.nodes);
        match self.variant {
            Some(variant) => tagged(variant, node),
            None => node,
        }
    }
}

impl SerializeMap for Entries {
    type Ok = Node;
    type Error = EmitError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EmitError> {
        match key.serialize(Builder)? {
            scalar @ (Node::Plain(_) | Node::Text(_)) => self.key = Some(scalar),
            other => return Err(EmitError(format!("{other:?} is no key"))),
        }
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EmitError> {
        let key = self.key.take();
        let key = key.ok_or_else(|| EmitError("a map value without a key".into()))?;
        self.nodes.push((key, value.serialize(Builder)?));
        Ok(())
    }
    fn end(self) -> Result<Node, EmitError> {
        Ok(self.finish())
    }
}

impl SerializeStruct for Entries {
    type Ok = Node;
    type Error = EmitError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), EmitError> {
        self.field(key, value)
    }
    fn end(self) -> Result<Node, EmitError> {
        Ok(self.finish())
    }
}

impl SerializeStructVariant for Entries {
    type Ok = Node;
    type Error = EmitError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), EmitError> {
        self.field(key, value)
    }
    fn end(self) -> Result<Node, EmitError> {
        Ok(self.finish())
    }
}

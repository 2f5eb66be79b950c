package continuation

import "sync"

// Dictionary holds the strings and functions that continuations of one bundle are
// likely to use: property names, names of locals, function and point keys. It makes a small continuation a
// third as long. It is part of the stored bundle; it never changes.
type Dictionary struct {
	Strings   []string
	Functions []Function
	Shapes    []DictionaryShape

	once            sync.Once
	stringIndexes   map[string]StringID
	functionIndexes map[Function]uint32
	shapeIndexes    map[string]uint32
	shapes          []Shape // ready to use; the key of the private slot is missing
}

// DictionaryShape is a shape without attributes. All its texts are among the dictionary's strings.
type DictionaryShape struct {
	Class   string // name of the prototype, or empty
	Keys    []string
	Private string // name of a symbol that is the last key, or empty
}

// appendKey appends what tells a shape from others.
func (s *DictionaryShape) appendKey(key []byte) []byte {
	for _, k := range s.Keys {
		key = append(append(key, k...), 0)
	}
	return append(append(append(key, s.Class...), 1), s.Private...)
}

func (d *Dictionary) size() int {
	if d == nil {
		return 0
	}
	return len(d.Strings)
}

func (d *Dictionary) functionCount() int {
	if d == nil {
		return 0
	}
	return len(d.Functions)
}

func (d *Dictionary) index() {
	d.once.Do(func() {
		d.stringIndexes = make(map[string]StringID, len(d.Strings))
		for i, s := range d.Strings {
			if _, ok := d.stringIndexes[s]; !ok {
				d.stringIndexes[s] = StringID(i)
			}
		}
		d.functionIndexes = make(map[Function]uint32, len(d.Functions))
		for i, f := range d.Functions {
			d.functionIndexes[f] = uint32(i)
		}
		d.indexShapes()
	})
}

func (d *Dictionary) indexShapes() {
	d.shapeIndexes = make(map[string]uint32, len(d.Shapes))
	d.shapes = make([]Shape, len(d.Shapes))
	for i := range d.Shapes {
		from := &d.Shapes[i]
		keys := make([]Value, len(from.Keys), len(from.Keys)+1)
		isWhole := true
		for j, k := range from.Keys {
			id, ok := d.stringIndexes[k]
			isWhole = isWhole && ok
			keys[j] = Value{String, uint64(id)}
		}
		shape := NewShape(keys, nil)
		if from.Class != "" {
			id, ok := d.stringIndexes[from.Class]
			isWhole = isWhole && ok
			shape.Class = Value{Named, uint64(id)}
		}
		if !isWhole {
			continue // a text is missing: never used
		}
		shape.InDictionary = uint32(i) + 1
		d.shapes[i] = shape
		d.shapeIndexes[string(from.appendKey(nil))] = uint32(i)
	}
}

// ShapeKey appends the key of FindShape to key.
func ShapeKey(key []byte, keys []string, class, private string) []byte {
	return (&DictionaryShape{class, keys, private}).appendKey(key)
}

// FindShape returns the dictionary's shape with a key that ShapeKey made. If it has a private slot,
// the caller appends the slot's symbol to the keys, with AddKey. Safe for concurrent use.
func (d *Dictionary) FindShape(key []byte) (Shape, bool) {
	if d == nil {
		return Shape{}, false
	}
	d.index()
	i, ok := d.shapeIndexes[string(key)]
	if !ok {
		return Shape{}, false
	}
	return d.shapes[i], true
}

// AddKey appends a plain key to a copy of the shape.
func (s Shape) AddKey(key Value) Shape {
	s.Keys = append(s.Keys[:len(s.Keys):len(s.Keys)], key)
	s.values++
	return s
}

func (d *Dictionary) shapeCount() int {
	if d == nil {
		return 0
	}
	return len(d.Shapes)
}

// Lookup returns the id of a dictionary string. Safe for concurrent use.
func (d *Dictionary) Lookup(s string) (StringID, bool) {
	if d == nil {
		return 0, false
	}
	d.index()
	id, ok := d.stringIndexes[s]
	return id, ok
}

// Size is the number of strings: the first StringID of a graph's own.
func (d *Dictionary) Size() int { return d.size() }

func (d *Dictionary) functionIndex(f Function) (uint32, bool) {
	if d == nil {
		return 0, false
	}
	d.index()
	i, ok := d.functionIndexes[f]
	return i, ok
}

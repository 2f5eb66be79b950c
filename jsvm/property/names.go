package property

import "unicode"

// categoryAliases are the long names of ECMAScript's table 69 (PropertyValueAliases.txt).
var categoryAliases = map[string]string{
	"Cased_Letter": "LC", "Close_Punctuation": "Pe", "Connector_Punctuation": "Pc", "Control": "Cc", "cntrl": "Cc", "Currency_Symbol": "Sc", "Dash_Punctuation": "Pd",
	"Decimal_Number": "Nd", "digit": "Nd", "Enclosing_Mark": "Me", "Final_Punctuation": "Pf", "Format": "Cf", "Initial_Punctuation": "Pi", "Letter": "L", "Letter_Number": "Nl",
	"Line_Separator": "Zl", "Lowercase_Letter": "Ll", "Mark": "M", "Combining_Mark": "M", "Math_Symbol": "Sm", "Modifier_Letter": "Lm", "Modifier_Symbol": "Sk", "Nonspacing_Mark": "Mn",
	"Number": "N", "Open_Punctuation": "Ps", "Other_Letter": "Lo", "Other_Number": "No", "Other_Punctuation": "Po", "Other_Symbol": "So", "Paragraph_Separator": "Zp",
	"Private_Use": "Co", "Punctuation": "P", "punct": "P", "Separator": "Z", "Space_Separator": "Zs", "Spacing_Mark": "Mc", "Surrogate": "Cs", "Symbol": "S", "Titlecase_Letter": "Lt", "Uppercase_Letter": "Lu",
}

// scriptAliases are the short names of the scripts that people write.
var scriptAliases = map[string]string{
	"Arab": "Arabic", "Armn": "Armenian", "Beng": "Bengali", "Bopo": "Bopomofo", "Cyrl": "Cyrillic", "Deva": "Devanagari", "Ethi": "Ethiopic", "Geor": "Georgian", "Grek": "Greek",
	"Gujr": "Gujarati", "Guru": "Gurmukhi", "Hang": "Hangul", "Hani": "Han", "Hebr": "Hebrew", "Hira": "Hiragana", "Kana": "Katakana", "Khmr": "Khmer", "Knda": "Kannada", "Laoo": "Lao", "Latn": "Latin",
	"Mlym": "Malayalam", "Mong": "Mongolian", "Mymr": "Myanmar", "Orya": "Oriya", "Sinh": "Sinhala", "Taml": "Tamil", "Telu": "Telugu", "Thaa": "Thaana", "Thai": "Thai", "Tibt": "Tibetan", "Zinh": "Inherited", "Zyyy": "Common",
}

// binaries are the binary properties of ECMAScript's table 68 that Go has tables for or that are defined by such (DerivedCoreProperties.txt).
var binaries = func() map[string][]*unicode.RangeTable {
	b := map[string][]*unicode.RangeTable{
		"Alphabetic": {unicode.L, unicode.Nl, unicode.Other_Alphabetic},
		"Lowercase":  {unicode.Ll, unicode.Other_Lowercase},
		"Uppercase":  {unicode.Lu, unicode.Other_Uppercase},
		"Math":       {unicode.Sm, unicode.Other_Math},
		"Cased":      {unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase},
	}
	for name, alias := range map[string]string{
		"ASCII_Hex_Digit": "AHex", "Bidi_Control": "Bidi_C", "Dash": "", "Deprecated": "Dep", "Diacritic": "Dia", "Extender": "Ext", "Hex_Digit": "Hex", "IDS_Binary_Operator": "IDSB",
		"IDS_Trinary_Operator": "IDST", "Ideographic": "Ideo", "Join_Control": "Join_C", "Logical_Order_Exception": "LOE", "Noncharacter_Code_Point": "NChar", "Pattern_Syntax": "Pat_Syn",
		"Pattern_White_Space": "Pat_WS", "Quotation_Mark": "QMark", "Radical": "", "Regional_Indicator": "RI", "Sentence_Terminal": "STerm", "Soft_Dotted": "SD", "Terminal_Punctuation": "Term",
		"Unified_Ideograph": "UIdeo", "Variation_Selector": "VS", "White_Space": "space",
	} {
		if table, ok := unicode.Properties[name]; ok {
			b[name] = []*unicode.RangeTable{table}
			if alias != "" {
				b[alias] = b[name]
			}
		}
	}
	for alias, name := range map[string]string{"Alpha": "Alphabetic", "Lower": "Lowercase", "Upper": "Uppercase"} {
		b[alias] = b[name]
	}
	return b
}()

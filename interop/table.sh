#!/usr/bin/env bash
# Writes the tables of docs/kafka-compatibility.md from what the scripts of this directory have left in $KONT_INTEROP_RESULTS,
# by default a directory of the cache: a row for each feature, a column for each client; then the suites of other projects.
#
#	interop/table.sh            writes the page
#	interop/table.sh --check    fails if the page would change, and shows how
. "$(dirname "$0")/lib.sh"

page=$here/../docs/kafka-compatibility.md
shopt -s nullglob
clients=(kafka-tools java kafka-streams confluent-kafka kcat kafkajs franz-go sarama kafka-go)
files=()
for client in "${clients[@]}"; do
	for part in '' .security; do
		[[ ! -s $results/$client$part.features.tsv ]] || files+=("$results/$client$part.features.tsv")
	done
done
suites=()
for file in "$results"/*.suite.tsv; do
	[[ $file == *-selection.suite.tsv ]] || suites+=("$file")
done
((${#files[@]})) || fail "no results in $results: run the scripts first"

features() {
	awk -F'\t' '
		FNR == 1 {
			name = FILENAME; sub(/.*\//, "", name); sub(/(\.security)?\.features\.tsv$/, "", name)
			if (name != column[columns]) column[++columns] = name
		}
		{ if (!($2 in seen)) { seen[$2] = 1; row[++rows] = $2 }; cell[$2, columns] = $1 }
		END {
			line = "| feature |"; rule = "| --- |"
			for (c = 1; c <= columns; c++) { line = line " " column[c] " |"; rule = rule " --- |" }
			print line; print rule
			for (r = 1; r <= rows; r++) {
				line = "| " row[r] " |"
				for (c = 1; c <= columns; c++) {
					said = cell[row[r], c]
					line = line " " (said == "PASS" ? "pass" : said == "FAIL" ? "**fail**" : "") " |"
				}
				print line
			}
		}' "${files[@]}"
}

suites() {
	echo '| suite | passed | failed | known failures | skipped |'
	echo '| --- | --- | --- | --- | --- |'
	local file
	for file in "${suites[@]}"; do
		awk -F'\t' -v suite="$(basename "$file" .suite.tsv)" '{ n[$1]++ }
			END { printf "| %s | %d | %d | %d | %d |\n", suite, n["PASS"], n["FAIL"], n["KNOWN"], n["SKIP"] }' "$file"
	done
	echo
	echo '| test that fails | why |'
	echo '| --- | --- |'
	# A reason may have the character that parts cells.
	awk -F'\t' '$1 == "KNOWN" || $1 == "FAIL" { gsub(/\|/, "\\|", $3); print "| " $2 " | " ($3 == "" ? "not known" : $3) " |" }' "${suites[@]}"
}

new=$(mktemp)
trap 'rm -f "$new" "$new".*' EXIT
features >"$new.features"
if ((${#suites[@]})); then
	suites >"$new.suites"
fi
# What is between the marks is written anew; the rest of the page is a person's.
awk -v dir="$new" '
	/^<!-- begin / { print; part = $3; file = dir "." part; while ((getline line < file) > 0) print line; skip = 1; next }
	/^<!-- end / { skip = 0 }
	!skip' "$page" >"$new"
if [[ ${1:-} == --check ]]; then
	diff -u "$page" "$new"
else
	cat "$new" >"$page"
	echo "docs/kafka-compatibility.md: ${#files[@]} clients, ${#suites[@]} suites"
fi

# Consumer groups, by the classic protocol and by that of KIP-848.

consume_in_group() {
	tool kafka-console-consumer --topic events --from-beginning --group "$1" --max-messages 20 --timeout-ms 30000 \
		--command-property enable.auto.commit=true "${@:2}"
}

tool kafka-topics --create --topic events --partitions 2
input=$(seq 1 20)
tool kafka-console-producer --topic events

for protocol in classic consumer; do
	group=$protocol-group
	feature "groups: $protocol protocol"
	consume_in_group "$group" --command-property group.protocol="$protocol"
	says 'Processed a total of 20 messages'
	says_not 'ERROR|Exception'
	tool kafka-consumer-groups --list --type
	says "^$group +${protocol^}"
	tool kafka-consumer-groups --describe --group "$group" --state
	says "$group.*Empty"
done

feature 'groups: list and describe'
tool kafka-consumer-groups --list
says '^classic-group$'
tool kafka-consumer-groups --list --state
says '^classic-group +.*Empty'
tool kafka-groups --list
says '^classic-group +Classic'
tool kafka-consumer-groups --describe --group classic-group
says "Consumer group 'classic-group' has no active members" '^classic-group +events +[01] +[0-9]+ +[0-9]+ +0 '
lag=$(awk '$1 == "classic-group" && $2 == "events" { n += $4 } END { print n }' <<<"$said")
[[ $lag == 20 ]] || broken "committed offsets sum to $lag, want 20: $said"
tool kafka-consumer-groups --describe --group absent
says 'GroupIdNotFoundException'

# Two members that stay, while they are looked at.
for protocol in classic consumer; do
	feature "groups: describe members, $protocol protocol"
	pids=()
	for member in 1 2; do
		kafka_spawn ${classes[kafka-verifiable-consumer]} --bootstrap-server "$bootstrap" --topic events --group-id "live-$protocol" \
			--group-protocol "$protocol" --reset-policy earliest >"$work/member-$protocol-$member" 2>&1
		pids+=($!)
	done
	deadline=$((SECONDS + 60))
	while :; do
		tool kafka-consumer-groups --describe --group "live-$protocol" --members --verbose
		if (($(grep -cE "^live-$protocol .* 1 " <<<"$said") == 2)); then
			break
		fi
		((SECONDS < deadline)) || { broken "two members have no partition each within a minute: $said" && break; }
	done
	tool kafka-consumer-groups --describe --group "live-$protocol" --state
	says 'Stable +2'
	tool kafka-consumer-groups --delete --group "live-$protocol"
	says 'GroupNotEmptyException|not empty'
	kill "${pids[@]}" 2>/dev/null || true
	wait "${pids[@]}" 2>/dev/null || true
	grep -q '"name":"records_consumed"' "$work/member-$protocol-1" "$work/member-$protocol-2" || broken "the members consumed nothing: $(tail -3 "$work/member-$protocol-1")"
done

feature 'groups: reset offsets'
tool kafka-consumer-groups --group classic-group --reset-offsets --topic events --to-earliest --dry-run
says '^classic-group +events +0 +0'
tool kafka-consumer-groups --group classic-group --reset-offsets --topic events --to-earliest --execute
says '^classic-group +events +0 +0' '^classic-group +events +1 +0'
tool kafka-consumer-groups --group classic-group --reset-offsets --topic events --to-latest --export
succeeds
tool kafka-consumer-groups --group classic-group --reset-offsets --topic events --shift-by 1 --execute
says '^classic-group +events +[01] +1'

feature 'groups: delete offsets'
tool kafka-consumer-groups --group classic-group --delete-offsets --topic events
says 'Request succeeded for deleting offsets from group classic-group' '^events +0 +Successful'
tool kafka-consumer-groups --describe --group classic-group
says_not '^classic-group +events +[01] +[0-9]+ '

feature 'groups: delete'
tool kafka-consumer-groups --delete --group classic-group
says 'Deletion of requested consumer groups.*was successful'
tool kafka-consumer-groups --list
says_not '^classic-group$'
tool kafka-consumer-groups --delete --group absent
says 'GroupIdNotFoundException|does not exist|could not be found|not found'

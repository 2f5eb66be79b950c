# Transactions, as tools see them. The clients' own are tried with the clients.

feature 'transactions: tools'
tool kafka-topics --create --topic ledger
run kafka-producer-perf-test --topic ledger --num-records 500 --record-size 100 --throughput 500 --transactional-id perf-tx \
	--transaction-duration-ms 100 --command-property "bootstrap.servers=$bootstrap"
says '500 records sent'
tool kafka-transactions list
says 'TransactionalId.*Coordinator.*ProducerId.*TransactionState' '^perf-tx.*CompleteCommit'
tool kafka-transactions describe --transactional-id perf-tx
says 'perf-tx.*CompleteCommit'
tool kafka-transactions describe-producers --topic ledger --partition 0
says 'ProducerId.*ProducerEpoch' '^[0-9]+'
tool kafka-transactions find-hanging --broker-id "${broker_id:-1}"
succeeds
tool kafka-console-consumer --topic ledger --from-beginning --isolation-level read_committed --timeout-ms 3000
says 'Processed a total of 500 messages'

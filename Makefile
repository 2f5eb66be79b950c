# The commands of this project are Go's own; the README has them. This is for one that has many flags.

MINUTES ?= 3
SEED ?= 0

# chaos harms three real nodes for MINUTES while clients use them, and checks that nothing is lost. SEED repeats the faults of another run,
# FLAGS may be -chaos-loopback. See docs/testing.md.
.PHONY: chaos
chaos:
	go test ./server -run TestClusterLosesNothingUnderChaos -count 1 -v -timeout 24h -chaos-minutes $(MINUTES) -chaos-seed $(SEED) $(FLAGS)

# simulation runs replicas in memory with random seeds for MINUTES, or with SEED alone. A failure prints its seed.
.PHONY: simulation
simulation:
	go test ./server -run TestSimulationEndsInTheStateThatWasPromised -count 1 -v -timeout 24h -simulation-seconds $$(($(MINUTES) * 60)) -simulation-seed $(SEED)

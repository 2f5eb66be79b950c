package statemachine

import "kont/statemachine/command"

// publish copies what changed from the image of Apply to the one of the readers,
// and wakes those who wait for it. Pebble has the change already, so a reader that
// sees an offset here finds its batch there.
func (c *change) publish() {
	s := c.store
	isEvents := len(c.topicNames)+len(c.deploymentNames) > 0
	var grown []command.TopicPartition

	s.mu.Lock()
	view := s.published
	view.meta = c.work.meta
	view.unmatched = c.work.unmatched
	view.quotas = c.work.quotas
	view.groupConfigs = c.work.groupConfigs
	view.nodes = c.work.nodes
	if len(c.topicNames) > 0 {
		s.topicChanges++
	}
	for _, name := range c.topicNames {
		publishTopic(view, c.work, name)
	}
	for _, name := range c.deploymentNames {
		if d, exists := c.work.deployments[name]; exists {
			view.deployments[name] = d
		} else {
			delete(view.deployments, name)
		}
	}
	view.acls = c.work.acls
	for _, user := range c.credentialUsers {
		if credential, exists := c.work.credentials[user]; exists {
			view.credentials[user] = credential
		} else {
			delete(view.credentials, user)
		}
	}
	for _, number := range c.dirtyBundles {
		b := c.work.bundles[number]
		b.isDirty = false
		c.work.bundles[number], view.bundles[number] = b, b
		view.hashes[b.hash] = number
	}
	c.publishTransactions(view)
	for _, t := range c.dirty {
		seen := view.numbers[t.number]
		if seen == nil {
			continue // deleted
		}
		isResume := c.work.isResume(t.spec.Name)
		for i := range t.partitions {
			p := &t.partitions[i]
			if !p.isDirty && !p.isConsumptionDirty && !p.isCompactionDirty {
				continue
			}
			if p.isDirty {
				grown = append(grown, command.TopicPartition{Topic: t.spec.Name, Partition: int32(i)})
				isEvents = isEvents || isResume
			}
			seen.partitions[i] = p.publish(seen.partitions[i].consumed)
		}
		if t.tally.isDirty {
			t.tally.isDirty = false
			seen.tally = t.tally.clone()
		}
	}
	wakeTimers := false
	if c.hasTimers {
		s.timerChanges++
		wakeTimers = c.earliestTimer < s.timerFloor
		s.timerFloor = min(s.timerFloor, c.earliestTimer)
	}
	if isEvents {
		close(s.changed)
		s.changed = make(chan struct{})
	}
	s.mu.Unlock()

	s.watches.wake(grown)
	if wakeTimers {
		s.watches.wakeTimers()
	}
}

// publish makes the readers' copy of a partition, and forgets that it is dirty.
func (p *partition) publish(consumed consumption) partition {
	if p.isConsumptionDirty {
		consumed = p.consumed.clone()
	}
	p.isDirty, p.isConsumptionDirty, p.isCompactionDirty = false, false, false
	seen := *p
	seen.consumed = consumed
	return seen
}

func publishTopic(view, work *image, name string) {
	if old := view.topics[name]; old != nil {
		view.remove(old)
	}
	t := work.topics[name]
	if t == nil {
		return
	}
	seen := &topic{number: t.number, spec: t.spec, partitions: make([]partition, len(t.partitions)), tally: t.tally.clone()}
	for i := range t.partitions {
		seen.partitions[i] = t.partitions[i]
		seen.partitions[i].consumed = t.partitions[i].consumed.clone()
		seen.partitions[i].isDirty, seen.partitions[i].isConsumptionDirty, seen.partitions[i].isCompactionDirty = false, false, false
	}
	view.add(seen)
}

package statemachine

import (
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

func (c *change) applyDeploy(com *command.Deploy) error {
	c.setTime(com.NowUnixMilli)
	if len(com.Bundle) > BundleBytesMax {
		return limitError("bytes of a bundle", len(com.Bundle), BundleBytesMax)
	}
	if err := c.checkDeployTopics(com); err != nil {
		return err
	}
	outputs := make([]string, 0, len(com.Topics))
	for _, spec := range com.Topics {
		if spec.Name != com.ResumeTopic {
			outputs = append(outputs, spec.Name)
		}
		if c.work.topics[spec.Name] != nil {
			continue
		}
		if err := c.createTopic(spec); err != nil {
			return err
		}
	}
	if !c.work.isResume(com.ResumeTopic) {
		c.consumeAllEnded(c.work.topics[com.ResumeTopic])
	}
	number := c.storeBundle(com)
	old := c.work.deployments[com.ResumeTopic]
	d := deployment{app: com.App, bundle: number, outputTopics: outputs, deployedUnixMilli: c.now}
	c.work.deployments[com.ResumeTopic] = d
	c.deploymentNames = append(c.deploymentNames, com.ResumeTopic)
	c.value = d.encode(c.value[:0])
	c.set(c.key.TopicByName(keys.Deployment, com.ResumeTopic), c.value)
	c.countDeployment(number, +1)
	c.countDeployment(old.bundle, -1)
	return nil
}

// checkDeployTopics refuses a deployment before anything of it is done.
func (c *change) checkDeployTopics(com *command.Deploy) error {
	missing, partitions, hasResume := 0, 0, c.work.topics[com.ResumeTopic] != nil
	for _, spec := range com.Topics {
		hasResume = hasResume || spec.Name == com.ResumeTopic
		if c.work.topics[spec.Name] != nil {
			continue
		}
		missing++
		if err := checkTopic(spec); err != nil {
			return err
		}
		partitions += int(spec.Partitions)
	}
	if !hasResume {
		return fmt.Errorf("%w: resume topic %q", command.ErrUnknownTopic, com.ResumeTopic)
	}
	if n := len(c.work.topics) + missing; n > TopicsMax {
		return limitError("topics", n, TopicsMax)
	}
	return c.checkRoomForPartitions(partitions)
}

// storeBundle stores a bundle's bytes unless they are there, and returns the
// number that its hash has for ever.
func (c *change) storeBundle(com *command.Deploy) keys.BundleNumber {
	number, isKnown := c.work.hashes[com.Hash]
	if !isKnown {
		number = c.work.meta.nextBundle
		c.work.meta.nextBundle++
		c.isMetaDirty = true
		c.work.hashes[com.Hash] = number
	}
	b := c.work.bundles[number]
	b.hash = com.Hash
	if !b.isStored {
		b.isStored = true
		c.set(c.key.BundleOnly(keys.Bundle, number), append([]byte{valueVersion}, com.Bundle...))
	}
	c.touchBundle(number, b)
	return number
}

func (c *change) countDeployment(number keys.BundleNumber, by int) {
	if number == 0 {
		return
	}
	b := c.work.bundles[number]
	b.deployments += uint64(by)
	c.dropUnneeded(number, b)
}

func (c *change) retainThread(number keys.BundleNumber) {
	if number == 0 {
		return
	}
	b := c.work.bundles[number]
	b.threads++
	c.touchBundle(number, b)
}

func (c *change) releaseThread(number keys.BundleNumber) {
	if number == 0 {
		return
	}
	b := c.work.bundles[number]
	b.threads--
	c.dropUnneeded(number, b)
}

// dropUnneeded removes the bytes of a bundle that no thread runs and nothing is
// bound to. A step of it that is still on its way is refused as stale.
func (c *change) dropUnneeded(number keys.BundleNumber, b bundle) {
	if b.isStored && b.threads+b.deployments == 0 {
		b.isStored = false
		c.delete(c.key.BundleOnly(keys.Bundle, number))
	}
	c.touchBundle(number, b)
}

package statemachine

import (
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// Deployment is what is bound to a resume topic, false if nothing is.
func (s *Store) Deployment(resumeTopic string) (found command.Deployment, exists bool) {
	s.view(func(im *image) {
		var d deployment
		if d, exists = im.deployments[resumeTopic]; exists {
			found = im.deployment(resumeTopic, d)
		}
	})
	return found, exists
}

// Deployments lists all deployments by resume topic.
func (s *Store) Deployments() []command.Deployment {
	var list []command.Deployment
	s.view(func(im *image) {
		for name, d := range im.deployments {
			list = append(list, im.deployment(name, d))
		}
	})
	slices.SortFunc(list, func(a, b command.Deployment) int { return strings.Compare(a.ResumeTopic, b.ResumeTopic) })
	return list
}

func (im *image) deployment(resumeTopic string, d deployment) command.Deployment {
	return command.Deployment{
		App:               d.app,
		ResumeTopic:       resumeTopic,
		Hash:              im.bundles[d.bundle].hash,
		OutputTopics:      slices.Clone(d.outputTopics),
		DeployedUnixMilli: d.deployedUnixMilli,
	}
}

// Bundle returns a bundle's bytes, false if the store has none: it was never
// deployed, or nothing needs it any more.
func (s *Store) Bundle(hash command.BundleHash) (bundle []byte, exists bool, err error) {
	err = s.read(func(db *pebble.DB) error {
		var number keys.BundleNumber
		s.view(func(im *image) { number = im.hashes[hash] })
		if number == 0 {
			return nil
		}
		var k keys.Key
		value, err := get(db, k.BundleOnly(keys.Bundle, number))
		if value == nil || err != nil {
			return err
		}
		r := readValue(value)
		bundle, exists = r.rest(), true
		return r.end("bundle")
	})
	return bundle, exists && err == nil, err
}
